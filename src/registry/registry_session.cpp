// See registry_session.hpp.
#include "registry/registry_session.hpp"

#include "model/base64.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/this_coro.hpp>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

registry_session::registry_session(
    transport::http_client& http, endpoint at, const connection_options& options)
    : http_(http)
    , at_(std::move(at))
    , username_(options.username)
    , password_(options.password)
    , opened_(http.executor()) {}

transport::url registry_session::api(std::string_view repository, std::string_view rest) const {
    return {at_.at, concat("/v2/", repository, repository.empty() ? "" : "/", rest)};
}

asio::awaitable<void> registry_session::open() {
    while (opening_ == opening::under_way)
        co_await opened_.wait();
    if (opening_ == opening::failed)
        std::rethrow_exception(opening_failed_);
    if (opening_ == opening::done)
        co_return;
    opening_ = opening::under_way;
    try {
        co_await ping();
        opening_ = opening::done;
    } catch (...) {
        opening_failed_ = std::current_exception();
        opening_ = opening::failed;
    }
    opened_.notify_all();
    if (opening_failed_)
        std::rethrow_exception(opening_failed_);
}

asio::awaitable<http_response> registry_session::get_v2() {
    http_request request;
    request.method = "GET";
    request.to = api("", "");
    co_return co_await http_.send(std::move(request));
}

asio::awaitable<void> registry_session::ping() {
    http_response response;
    bool fall_back = false;
    try {
        response = co_await get_v2();
    } catch (const error& e) {
        const bool no_tls = e.code() == errc::transport_tls || e.code() == errc::transport_closed
                            || e.code() == errc::transport_timeout;
        if (!at_.may_fall_back_to_http || !no_tls)
            throw;
        fall_back = true;
    }
    if (fall_back) {
        const bool default_port = at_.at.port == 443 && at_.host.find(":443") == std::string::npos;
        at_.at.tls = false;
        if (default_port)
            at_.at.port = 80;
        response = co_await get_v2();
    }
    const asked why{"to say which version of the protocol it speaks (GET /v2/)", at_.host, {}};
    if (response.status == 401) {
        learn_challenges(response);
        co_return;
    }
    if (response.status == 404)
        throw error(
            errc::registry_not_found, concat("there is no registry at ", at_.at.str()),
            concat("404 for ", at_.at.str(), "/v2/"));
    // Some registries answer 403 or 405 here and work all the same; a server error will show again.
    if (response.status >= 500)
        throw refusal(response, why);
}

void registry_session::learn_challenges(const http_response& response) {
    for (const auto& [name, value] : response.headers) {
        if (!iequals(name, "WWW-Authenticate"))
            continue;
        for (const auth_challenge& challenge : parse_challenges(value)) {
            wants_basic_ |= challenge.scheme == "basic";
            wants_bearer_ |= challenge.scheme == "bearer";
        }
    }
}

void registry_session::authorize(http_request& request) const {
    if (!username_.empty() && request.to.at == at_.at)
        request.headers.emplace_back(
            "Authorization", concat("Basic ", base64_encode(concat(username_, ":", password_))));
}

error registry_session::unauthorized(const http_response& response, const asked& why) const {
    error what = refusal(response, why);
    if (wants_bearer_ && !wants_basic_)
        return error(
                   errc::registry_unauthorized, what.message(),
                   "the registry wants bearer tokens, which this version does not speak")
            .with_status(401);
    if (username_.empty())
        return error(
                   errc::registry_unauthorized, concat("no credentials for ", at_.host),
                   what.cause(), "give them with --username USER and --password-stdin")
            .with_status(401);
    return error(
               errc::registry_unauthorized,
               concat(at_.host, " rejected the credentials of ", foreign_text(username_)),
               what.cause())
        .with_status(401);
}

std::optional<transport::url>
registry_session::redirect_of(const http_response& response, const transport::url& asked_at) const {
    const int status = response.status;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return std::nullopt;
    const auto next = transport::resolve_location(asked_at, response.header("Location"));
    if (!next)
        throw error(
            errc::registry_protocol, concat(at_.host, " redirected to nowhere"),
            next.error().message);
    if (asked_at.at.tls && !next->at.tls)
        throw error(
            errc::registry_protocol, concat(at_.host, " redirected from https to http"),
            next->redacted());
    return *next;
}

asio::awaitable<http_response> registry_session::send(http_request request, const asked& why) {
    const bool follows = request.method == "GET" || request.method == "HEAD";
    for (int redirects = 0; redirects <= limits::redirects_max; ++redirects) {
        http_request attempt = request;
        authorize(attempt);
        const transport::url asked_at = attempt.to;
        http_response response = co_await http_.send(std::move(attempt));
        if (response.status == 401)
            throw unauthorized(response, why);
        const auto next = redirect_of(response, asked_at);
        if (!next || !follows)
            co_return response;
        request.to = *next;
    }
    throw error(
        errc::registry_protocol,
        concat(at_.host, " redirected more than ", limits::redirects_max, " times"));
}

asio::awaitable<std::unique_ptr<byte_source>>
registry_session::read_blob(std::string repository, digest content) {
    const asked why{"to give a blob", at_.host, repository};
    http_request request;
    request.method = "GET";
    request.to = api(repository, concat("blobs/", content.str()));
    for (int redirects = 0; redirects <= limits::redirects_max; ++redirects) {
        http_request attempt = request;
        authorize(attempt);
        const transport::url asked_at = attempt.to;
        std::unique_ptr<transport::http_download> body =
            co_await http_.download(std::move(attempt));
        if (body->status() == 200)
            co_return body;
        if (body->status() == 401)
            throw unauthorized(body->head(), why);
        const auto next = redirect_of(body->head(), asked_at);
        if (!next)
            throw refusal(body->head(), why);
        request.to = *next;
    }
    throw error(
        errc::registry_protocol,
        concat(at_.host, " redirected more than ", limits::redirects_max, " times"));
}

} // namespace tarpon::registry
