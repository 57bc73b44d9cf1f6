// See blob_upload.hpp.
#include "registry/blob_upload.hpp"

#include "async/time_limit.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

constexpr std::chrono::seconds farewell_time{2};
constexpr std::chrono::milliseconds busy_session_time{50};

class upload {
public:
    upload(registry_session& registry, blob_request request)
        : registry_(registry)
        , request_(std::move(request))
        , fsm_(request_.facts) {}

    asio::awaitable<blob_result> run();
    /// Deletes the session, if there is one to delete.
    asio::awaitable<void> abandon();

private:
    asio::awaitable<http_response> do_step();
    http_request make_request() const;
    asked reason() const;
    error failed(const http_response& response) const;

    registry_session& registry_;
    blob_request request_;
    upload_fsm fsm_;
    std::unique_ptr<upload_body> body_;
    descriptor sent_;
};

std::string uploads_path() {
    return "blobs/uploads/";
}

http_request upload::make_request() const {
    http_request request;
    const std::string& repository = request_.repository;
    switch (fsm_.step()) {
    case upload_step::probe:
        request.method = "HEAD";
        request.to = registry_.api(repository, concat("blobs/", fsm_.digest().str()));
        break;
    case upload_step::mount:
        request.method = "POST";
        request.to = registry_.api(repository, uploads_path())
                         .with_query("mount", fsm_.digest().str())
                         .with_query("from", *request_.facts.mount_from);
        break;
    case upload_step::open:
        request.method = "POST";
        request.to = registry_.api(repository, uploads_path());
        break;
    case upload_step::send:
        request.method = "PATCH";
        request.to = *fsm_.session();
        request.headers.emplace_back("Content-Type", "application/octet-stream");
        request.stream = body_.get();
        request.on_sent = request_.on_sent;
        break;
    case upload_step::commit:
        request.method = "PUT";
        request.to = fsm_.session()->with_query("digest", fsm_.digest().str());
        request.answer_time_max = limits::commit_time_max;
        break;
    case upload_step::finished:
    case upload_step::failed:
        break;
    }
    return request;
}

asked upload::reason() const {
    const auto what = [&]() -> std::string {
        switch (fsm_.step()) {
        case upload_step::probe:
            return "to say whether it has a blob";
        case upload_step::mount:
        case upload_step::open:
            return "to open an upload";
        case upload_step::send:
            return "to take the bytes of a blob";
        default:
            return "to commit a blob";
        }
    }();
    return {what, registry_.host(), request_.repository};
}

asio::awaitable<http_response> upload::do_step() {
    if (fsm_.step() == upload_step::send)
        body_ = co_await request_.open_body();
    if (fsm_.step() == upload_step::commit) {
        sent_ = co_await body_->finish();
        fsm_.set_digest(sent_.digest);
    }
    const bool mounting = fsm_.step() == upload_step::mount;
    const asked why = reason();
    http_request request = make_request();
    http_response refused;
    try {
        co_return co_await registry_.send(std::move(request), why);
    } catch (const error& e) {
        // 401 for want of a right to read the other repository; the session does not pass it on.
        if (!mounting || e.http_status() != 401)
            throw;
        refused.status = e.http_status();
    }
    co_return refused;
}

error upload::failed(const http_response& response) const {
    if (fsm_.broken().empty())
        return refusal(response, reason());
    return error(
        errc::registry_protocol,
        concat(registry_.host(), " broke the upload protocol in ", request_.repository),
        fsm_.broken());
}

asio::awaitable<blob_result> upload::run() {
    while (fsm_.step() != upload_step::finished) {
        const asked why = reason();
        const upload_step step = fsm_.step();
        const transport::url session = fsm_.session().value_or(registry_.api("", ""));
        const http_response response = co_await do_step();
        if (step == upload_step::send && response.before_request && response.ok())
            throw error(
                errc::registry_protocol,
                concat(registry_.host(), " accepted a blob before it had all of it"));
        const bool to_session = step == upload_step::send || step == upload_step::commit;
        fsm_.on_answer(
            {response.status, response.header("Location"),
             response.header("Docker-Content-Digest")},
            to_session ? session : registry_.api(request_.repository, uploads_path()));
        if (fsm_.step() == upload_step::failed) {
            if (!fsm_.broken().empty())
                throw failed(response);
            throw refusal(response, why);
        }
    }
    if (fsm_.outcome() != upload_outcome::uploaded)
        sent_.digest = fsm_.digest();
    co_return blob_result{fsm_.outcome(), sent_};
}

/// For best_effort, which ends it: a registry that has not noticed yet that the last request broke
/// off calls the session busy (409) until it has.
asio::awaitable<void>
drop_session(registry_session& registry, transport::url session, std::string repository) {
    const asked why{"to drop an upload", registry.host(), std::move(repository)};
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    while (true) {
        http_request request;
        request.method = "DELETE";
        request.to = session;
        request.answer_time_max = farewell_time;
        const http_response response = co_await registry.send(std::move(request), why);
        if (response.status != 409)
            co_return;
        pause.expires_after(busy_session_time);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> upload::abandon() {
    if (fsm_.session())
        co_await drop_session(registry_, *fsm_.session(), request_.repository);
}

} // namespace

asio::awaitable<blob_result> put_blob(registry_session& registry, blob_request request) {
    upload one(registry, std::move(request));
    std::exception_ptr failed;
    bool reachable = true;
    try {
        co_return co_await one.run();
    } catch (const error& e) {
        failed = std::current_exception();
        reachable = class_of(e.code()) != error_class::network;
    } catch (...) {
        failed = std::current_exception();
    }
    // The session would expire by itself; a registry that can still be reached is told now.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    if (reachable)
        co_await async::best_effort(one.abandon(), farewell_time);
    std::rethrow_exception(failed);
}

asio::awaitable<void> probe_upload(registry_session& registry, std::string repository) {
    const asked why{"to open an upload", registry.host(), repository};
    http_request open;
    open.method = "POST";
    open.to = registry.api(repository, uploads_path());
    const transport::url asked_at = open.to;
    const http_response response = co_await registry.send(std::move(open), why);
    if (response.status != 202)
        throw refusal(response, why);
    const auto session = transport::resolve_location(asked_at, response.header("Location"));
    if (session)
        co_await async::best_effort(drop_session(registry, *session, repository), farewell_time);
}

asio::awaitable<blob_presence>
head_blob(registry_session& registry, const std::string& repository, const digest& content) {
    http_request request;
    request.method = "HEAD";
    request.to = registry.api(repository, concat("blobs/", content.str()));
    const asked why{"to say whether it has a blob", registry.host(), repository};
    const http_response response = co_await registry.send(std::move(request), why);
    if (response.status >= 500 || response.status == 429)
        throw refusal(response, why);
    co_return blob_presence{
        response.status == 200, parse_decimal(response.header("Content-Length"))};
}

} // namespace tarpon::registry
