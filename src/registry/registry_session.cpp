// See registry_session.hpp.
#include "registry/registry_session.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <utility>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

/// 301 to 303 let a client make a GET of anything else. A streamed body is gone when the redirect
/// comes: whoever has it can begin it anew.
bool follows(const http_request& request, int status) {
    if (request.method == "GET" || request.method == "HEAD")
        return true;
    return (status == 307 || status == 308) && request.stream == nullptr;
}

} // namespace

registry_session::registry_session(
    transport::http_client& http,
    endpoint at,
    const connection_options& options,
    async::cpu_pool& workers,
    session_settings with)
    : http_(http)
    , at_(std::move(at))
    , authorizer_(http, at_.host, options, workers)
    , retrier_(http.executor(), std::move(with.retry))
    , habits_(with.chunks, with.chunk_bytes, with.chunk_bytes_max)
    , slots_(http.executor(), with.uploads_max)
    , referrers_turn_(http.executor(), 1)
    , warn_(std::move(with.warn))
    , memory_for_chunks_(std::move(with.memory_for_chunks))
    , opened_(http.executor()) {
    authorizer_.set_origin(at_.at);
    cookies_.set_origin(at_.at);
}

transport::url registry_session::api(std::string_view repository, std::string_view rest) const {
    return {at_.at, concat("/v2/", repository, repository.empty() ? "" : "/", rest)};
}

asio::awaitable<chunk_memory> registry_session::memory_for_chunk(std::size_t bytes) {
    if (memory_for_chunks_)
        co_return co_await memory_for_chunks_(bytes);
    auto memory = std::make_shared<std::vector<std::byte>>(bytes);
    co_return chunk_memory{std::span(*memory), memory};
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

void registry_session::heed(const http_response& response, const transport::url& asked_at) {
    cookies_.take(response, asked_at);
    if (asked_at.at != at_.at || !warn_)
        return;
    for (const std::string& text : warnings_.news(response))
        warn_(concat(at_.host, " says: ", text));
}

asio::awaitable<http_response> registry_session::exchange(http_request request) {
    const transport::url asked_at = request.to;
    cookies_.add_to(request);
    http_response response = co_await http_.send(std::move(request));
    heed(response, asked_at);
    co_return response;
}

asio::awaitable<http_response> registry_session::get_v2() {
    http_request request;
    request.method = "GET";
    request.to = api("", "");
    co_return co_await exchange(std::move(request));
}

asio::awaitable<http_response> registry_session::first_answer() {
    for (int repetitions = 0;; ++repetitions) {
        co_await retrier_.wait_turn();
        http_response response = co_await get_v2();
        retrier_.note(response);
        if (!may_pass(response.status))
            co_return response;
        const bool again = co_await retrier_.again(
            repetitions, concat("the first answer of ", at_.host),
            concat("it answered ", response.status));
        if (!again)
            co_return response;
    }
}

asio::awaitable<void> registry_session::ping() {
    http_response response;
    bool fall_back = false;
    try {
        response = co_await first_answer();
    } catch (const error& e) {
        // Never because a certificate is not trusted: that is what an attacker would offer.
        const bool no_tls =
            e.code() == errc::transport_not_tls || e.code() == errc::transport_timeout;
        if (!at_.may_fall_back_to_http || !no_tls)
            throw;
        fall_back = true;
    }
    if (fall_back) {
        const bool default_port = at_.at.port == 443 && at_.host.find(":443") == std::string::npos;
        at_.at.tls = false;
        if (default_port)
            at_.at.port = 80;
        authorizer_.set_origin(at_.at);
        cookies_.set_origin(at_.at);
        response = co_await first_answer();
    }
    const asked why{"to say which version of the protocol it speaks (GET /v2/)", at_.host, {}};
    if (response.status == 401) {
        authorizer_.learn(response, api("", ""));
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
    if (transport::leads_inside(asked_at.at, next->at))
        throw error(
            errc::registry_protocol, concat(at_.host, " redirected to an internal address"),
            next->at.str());
    return *next;
}

asio::awaitable<void> registry_session::check_credentials() {
    const asked why{"the login", at_.host, {}};
    http_request request;
    request.method = "GET";
    request.to = api("", "");
    const http_response response = co_await send(std::move(request), why);
    // As at the ping, only a clear no is one.
    if (response.status == 403 || response.status >= 500)
        throw refusal(response, why);
}

asio::awaitable<http_response>
registry_session::send_authorized(const http_request& request, const asked& why) {
    const auth::access wanted{why.repository, why.mount_from};
    http_request first = request;
    co_await authorizer_.authorize(first, wanted);
    http_response response = co_await exchange(std::move(first));
    const bool refused = response.status == 401 || response.status == 403;
    const bool repeatable = request.stream == nullptr;
    if (!refused || (!repeatable && response.status == 403))
        co_return response;
    const bool better = co_await authorizer_.improve(response, request.to, wanted);
    if (better && repeatable) {
        http_request again = request;
        co_await authorizer_.authorize(again, wanted);
        response = co_await exchange(std::move(again));
    }
    if (response.status == 401 && better && !repeatable)
        throw credentials_renewed(authorizer_.rejection(response));
    if (response.status == 401)
        throw authorizer_.rejection(response);
    co_return response;
}

asio::awaitable<http_response>
registry_session::send(http_request request, const asked& why, repetition repeats) {
    const bool once = request.stream != nullptr || repeats == repetition::never;
    for (int repetitions = 0;; ++repetitions) {
        co_await retrier_.wait_turn();
        const auto begun = std::chrono::steady_clock::now();
        http_response response;
        std::optional<error> failed;
        try {
            response = co_await send_once(request, why);
        } catch (const error& e) {
            // Not a copy of something derived: that one is for the caller.
            if (once || !may_pass(e))
                throw;
            failed = e;
        }
        if (!failed) {
            retrier_.note(response);
            if (response.status == 429 || response.status == 503)
                slots_.pushed_back(begun);
            if (once || !may_pass(response.status))
                co_return response;
        }
        const bool again = co_await retrier_.again(
            repetitions, described(why),
            failed ? failed->message() : refusal(response, why).cause());
        if (again)
            continue;
        if (failed)
            throw *failed;
        co_return response;
    }
}

asio::awaitable<http_response> registry_session::send_once(http_request request, const asked& why) {
    for (int redirects = 0; redirects <= limits::redirects_max; ++redirects) {
        const transport::url asked_at = request.to;
        http_response response = co_await send_authorized(request, why);
        const auto next = redirect_of(response, asked_at);
        if (redirects > 0)
            response.redirected_to = asked_at;
        if (!next || !follows(request, response.status))
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
    const auth::access wanted{repository, {}};
    http_request request;
    request.method = "GET";
    request.to = api(repository, concat("blobs/", content.str()));
    bool improved = false;
    for (int tries = 0; tries <= limits::redirects_max; ++tries) {
        http_request attempt = request;
        co_await authorizer_.authorize(attempt, wanted);
        const transport::url asked_at = attempt.to;
        cookies_.add_to(attempt);
        std::unique_ptr<transport::http_download> body =
            co_await http_.download(std::move(attempt));
        heed(body->head(), asked_at);
        if (body->status() == 200)
            co_return body;
        if (body->status() == 401) {
            const bool better = co_await authorizer_.improve(body->head(), asked_at, wanted);
            if (!better || std::exchange(improved, true))
                throw authorizer_.rejection(body->head());
            continue;
        }
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
