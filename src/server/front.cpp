// See front.hpp.
#include "server/front.hpp"

#include "model/text.hpp"
#include "server/login_headers.hpp"
#include "server/page_files.hpp"
#include "server/refusal.hpp"
#include "server/secrets.hpp"
#include "server/serve_checks.hpp"
#include "server/upload_store.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <cstring>
#include <optional>

namespace tarpon::server {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::string_view archives_go_to = "/push?to=NAME:TAG";

bool is_disk_full(const error& what) {
    return what.cause() == std::strerror(ENOSPC) || what.cause() == std::strerror(EDQUOT);
}

access_kind kind_of(const server_request& request) {
    return access_kind_of(request.method, path_of(request));
}

request_signs signs_of(const server_request& request) {
    return {
        request.header("Host"), request.header("Origin"), request.header("Sec-Fetch-Site"),
        kind_of(request) == access_kind::changing};
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

server_response metrics_response(std::string text) {
    server_response response;
    response.with("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.with("Cache-Control", "no-store");
    response.body = std::move(text);
    return response;
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
    login_gate* gate,
    push_service::log_function log)
    : options_(options)
    , rules_(std::move(rules))
    , pushes_(pushes)
    , registry_(registry)
    , gate_(gate)
    , log_(std::move(log))
    , own_login_{"tarpon", fresh_secret()} {
    for (const std::string& network : options.allow_push)
        pushers_.push_back(parse_push_network(network));
}

bool front::may_change(const server_request& request) const {
    const auto& from = request.client;
    const auto is_in = [&](const transport::address_block& network) {
        if (from.is_v4())
            return network.contains(transport::address_bytes::of(from.to_v4().to_bytes()));
        return network.contains(transport::address_bytes::of(from.to_v6().to_bytes()));
    };
    return pushers_.empty() || std::any_of(pushers_.begin(), pushers_.end(), is_in);
}

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
        return stopping_ ? text_response(503, "stopping") : text_response(200, "ok");
    if (path == "/metrics")
        return metrics_response(metrics());
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
    co_return std::move(
        text_response(405, concat("only PUT: curl -T app.tar \"http://…", archives_go_to, "\""))
            .with("Allow", "PUT"));
}

/// nullopt: it may do what it wants.
asio::awaitable<std::optional<server_response>> front::admit(server_request& request) {
    const access_kind kind = kind_of(request);
    const bool changes = kind == access_kind::changing;
    if (changes && !may_change(request))
        co_return refusal(request, 403, "clients of this network may not push or delete here");
    if (gate_ && kind != access_kind::open)
        co_return co_await gate_->admit(request, changes);
    co_return std::nullopt;
}

asio::awaitable<server_response> front::on_login(server_request& request) {
    const std::string_view path = path_of(request);
    if (path == "/session" && !gate_)
        co_return no_login_needed();
    if (!gate_)
        co_return api_error(404, "UNSUPPORTED", "nobody has to log in here");
    if (path == "/login")
        co_return co_await gate_->log_in(request);
    if (path == "/logout")
        co_return co_await gate_->log_out(request);
    co_return co_await gate_->tell(request);
}

asio::awaitable<server_response> front::route(server_request& request) {
    if (const auto refused = check_access(rules_, signs_of(request)))
        co_return text_response(refused->status, refused->why);
    const std::string_view path = path_of(request);
    if (path == "/login" || path == "/logout" || path == "/session")
        co_return co_await on_login(request);
    auto refused = co_await admit(request);
    if (refused)
        co_return std::move(*refused);
    co_return co_await dispatch(request);
}

asio::awaitable<server_response> front::dispatch(server_request& request) {
    const std::string_view path = path_of(request);
    if (path == "/push" || path == "/push/events")
        co_return co_await on_push(request);
    if (path.starts_with("/v2") || path.starts_with("/%")) {
        if (registry_)
            co_return co_await registry_->handle(request);
        co_return api_error(404, "UNSUPPORTED", "this server only forwards archives, by PUT /push");
    }
    if (kind_of(request) == access_kind::changing)
        co_return std::move(
            text_response(405, concat("only GET and HEAD; archives go to PUT ", archives_go_to))
                .with("Allow", "GET, HEAD"));
    co_return page_or_nothing(request);
}

asio::awaitable<server_response> front::route_own(server_request& request) {
    const auto given = basic_login(request.header("Authorization"));
    if (given && same_secret(given->password, own_login_.password)) {
        request.user = own_uploads_user;
        co_return co_await registry_->handle(request);
    }
    auto refused = api_error(401, "UNAUTHORIZED", "this port is for the server itself");
    ask_for_login(refused);
    co_return refused;
}

asio::awaitable<server_response> front::answer(server_request& request) {
    auto work = route(request);
    co_return co_await answered(request, std::move(work));
}

asio::awaitable<server_response> front::answer_own(server_request& request) {
    auto work = route_own(request);
    co_return co_await answered(request, std::move(work));
}

asio::awaitable<server_response>
front::answered(const server_request& request, asio::awaitable<server_response> work) {
    std::optional<server_response> response;
    try {
        response = co_await std::move(work);
    } catch (const error& e) {
        const std::string what =
            concat(request.method, " ", foreign_text(path_of(request), 200), ": ", e.one_line());
        if (e.code() == errc::registry_refused) {
            response = api_error(429, "TOOMANYREQUESTS", e.message());
            ask_to_return(*response);
        } else if (e.code() == errc::transport_closed) {
            log_(log_level::info, what);
            response = api_error(400, "BLOB_UPLOAD_INVALID", e.one_line());
        } else {
            log_(log_level::error, concat(what, " (storage ", options_.storage, ")"));
            const bool full = e.code() == errc::storage && is_disk_full(e);
            response =
                full ? api_error(507, "UNKNOWN", "the disk of this registry is full")
                     : api_error(500, "UNKNOWN", "the registry's storage failed; its log says why");
        }
    }
    protect(*response);
    co_return std::move(*response);
}

} // namespace tarpon::server
