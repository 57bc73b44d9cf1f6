// See front.hpp.
#include "server/front.hpp"

#include "model/text.hpp"
#include "server/login_headers.hpp"
#include "server/page_files.hpp"
#include "server/secrets.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <optional>

namespace tarpon::server {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

std::string_view path_of(const server_request& request) {
    return std::string_view(request.target).substr(0, request.target.find('?'));
}

bool only_reads(const server_request& request) {
    return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

request_signs signs_of(const server_request& request) {
    // Whoever watches takes one of the feeds, so that counts as a change.
    return {
        request.header("Host"), request.header("Origin"), request.header("Sec-Fetch-Site"),
        !only_reads(request) || path_of(request).starts_with("/push")};
}

server_response text_response(unsigned status, std::string_view text) {
    server_response response;
    response.status = status;
    response.with("Content-Type", "text/plain; charset=utf-8");
    response.body = concat(text, "\n");
    return response;
}

/// Blobs and manifests are whatever somebody pushed: no browser may take them for a page of ours.
void protect(server_response& response) {
    const bool is_page =
        std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
            return header.first == "Content-Security-Policy";
        });
    if (!is_page)
        response.with("Content-Security-Policy", "default-src 'none'; sandbox");
    response.with("X-Content-Type-Options", "nosniff");
    response.with("Cross-Origin-Resource-Policy", "same-origin");
}

server_response page_response(const page_file& file) {
    server_response response;
    response.with("Content-Type", std::string(file.type));
    response.with("Cache-Control", "no-cache");
    response.with(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    response.with("X-Frame-Options", "DENY");
    response.with("Referrer-Policy", "no-referrer");
    response.with("Cross-Origin-Opener-Policy", "same-origin");
    response.body = file.content;
    return response;
}

} // namespace

front::front(
    const serve_options& options,
    access_rules rules,
    push_service& pushes,
    registry_api* registry,
    push_service::log_function log)
    : options_(options)
    , rules_(std::move(rules))
    , pushes_(pushes)
    , registry_(registry)
    , log_(std::move(log))
    , own_login_{"tarpon", fresh_secret()} {}

server_response front::info() const {
    const std::string& target = options_.registry;
    server_response response;
    response.with("Content-Type", "application/json");
    response.with("Cache-Control", "no-store");
    response.body = json::serialize(json::object{
        {"version", TARPON_VERSION},
        {"registry", target.empty() ? json::value() : json::value(target)},
        {"upload_bytes_max", options_.upload_bytes_max},
        {"pushes_max", limits::server_pushes_max}});
    return response;
}

server_response front::page_or_nothing(const server_request& request) const {
    const std::string_view path = path_of(request);
    if (path == "/healthz")
        return text_response(200, "ok");
    if (path == "/info")
        return info();
    for (const page_file& file : page_files())
        if (file.path == path)
            return page_response(file);
    return api_error(404, "UNSUPPORTED", "there is nothing here");
}

asio::awaitable<server_response> front::on_push(server_request& request) {
    if (path_of(request) == "/push/events") {
        if (request.method == "GET")
            co_return co_await pushes_.watch(request);
        co_return std::move(text_response(405, "only GET").with("Allow", "GET"));
    }
    // No POST: forms of other sites can send one without asking first.
    if (request.method == "PUT")
        co_return co_await pushes_.push(request);
    co_return std::move(text_response(405, "only PUT").with("Allow", "PUT"));
}

asio::awaitable<server_response> front::route(server_request& request) {
    if (const auto refused = check_access(rules_, signs_of(request)))
        co_return text_response(refused->status, refused->why);
    const std::string_view path = path_of(request);
    if (path == "/push" || path == "/push/events")
        co_return co_await on_push(request);
    if (path.starts_with("/v2") || path.starts_with("/%")) {
        if (registry_)
            co_return co_await registry_->handle(request);
        co_return api_error(404, "UNSUPPORTED", "this server only forwards archives, by PUT /push");
    }
    if (!only_reads(request))
        co_return std::move(text_response(405, "only GET and HEAD").with("Allow", "GET, HEAD"));
    co_return page_or_nothing(request);
}

asio::awaitable<server_response> front::route_own(server_request& request) {
    const auto given = basic_login(request.header("Authorization"));
    if (!given || !same_secret(given->password, own_login_.password))
        co_return login_wanted("this port is for the server itself");
    co_return co_await registry_->handle(request);
}

asio::awaitable<server_response> front::answer(server_request& request) {
    co_return co_await answered(request, route(request));
}

asio::awaitable<server_response> front::answer_own(server_request& request) {
    co_return co_await answered(request, route_own(request));
}

asio::awaitable<server_response>
front::answered(const server_request& request, asio::awaitable<server_response> work) {
    std::optional<server_response> response;
    try {
        response = co_await std::move(work);
    } catch (const error& e) {
        if (e.code() == errc::registry_refused) {
            response = api_error(429, "TOOMANYREQUESTS", e.message());
        } else if (e.code() == errc::transport_closed) {
            log_(
                log_level::info,
                concat(
                    request.method, " ", foreign_text(path_of(request), 200), ": ", e.message()));
            response = api_error(400, "BLOB_UPLOAD_INVALID", e.message());
        } else {
            log_(log_level::error, concat(e.message(), e.cause().empty() ? "" : ": ", e.cause()));
            response = api_error(500, "UNKNOWN", "the registry's storage failed; its log says why");
        }
    }
    protect(*response);
    co_return std::move(*response);
}

} // namespace tarpon::server
