// See upload_attempt.hpp.
#include "registry/upload_attempt.hpp"

#include "async/time_limit.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

constexpr std::chrono::milliseconds busy_session_time{50};
constexpr std::chrono::milliseconds busy_session_time_most{2'000};

constexpr std::string_view uploads_path = "blobs/uploads/";

/// Where a redirect led, the digest stands in the address already.
transport::url with_digest(const transport::url& at, const digest& content) {
    const std::size_t query = at.target.find('?');
    const std::string_view rest = query == std::string::npos
                                      ? std::string_view()
                                      : std::string_view(at.target).substr(query + 1);
    const bool there = rest.starts_with("digest=") || rest.find("&digest=") != rest.npos;
    return there ? at : at.with_query("digest", content.str());
}

} // namespace

upload_attempt::upload_attempt(
    registry_session& registry,
    const blob_request& request,
    upload_fsm::facts known,
    std::optional<std::string> unfinished,
    bool kept)
    : registry_(registry)
    , request_(request)
    , known_(std::move(known))
    , unfinished_(std::move(unfinished))
    , fsm_(known_)
    , step_(fsm_.step())
    , kept_(kept) {}

http_request upload_attempt::make_request() const {
    http_request request;
    const std::string& repository = request_.repository;
    switch (fsm_.step()) {
    case upload_step::probe:
        request.method = "HEAD";
        request.to = registry_.api(repository, concat("blobs/", fsm_.digest().str()));
        break;
    case upload_step::mount:
        request.method = "POST";
        request.to = registry_.api(repository, uploads_path)
                         .with_query("mount", fsm_.digest().str())
                         .with_query("from", *request_.facts.mount_from);
        break;
    case upload_step::open:
        request.method = "POST";
        request.to = registry_.api(repository, uploads_path);
        break;
    case upload_step::send:
    case upload_step::send_chunk:
        request.method = "PATCH";
        request.to = *fsm_.session();
        request.headers.emplace_back("Content-Type", "application/octet-stream");
        request.on_sent = request_.on_sent;
        break;
    case upload_step::put_whole:
        request.headers.emplace_back("Content-Type", "application/octet-stream");
        request.on_sent = request_.on_sent;
        [[fallthrough]];
    case upload_step::commit:
        request.method = "PUT";
        request.to = with_digest(*fsm_.session(), fsm_.digest());
        request.commits = true;
        break;
    case upload_step::finished:
    case upload_step::failed:
        break;
    }
    return request;
}

asked upload_attempt::reason() const {
    const auto what = [&]() -> std::string {
        switch (step_) {
        case upload_step::probe:
            return "to say whether it has a blob";
        case upload_step::mount:
        case upload_step::open:
            return "to open an upload";
        case upload_step::send:
        case upload_step::send_chunk:
        case upload_step::put_whole:
            return "to take the bytes of a blob";
        default:
            return "to commit a blob";
        }
    }();
    asked why{what, registry_.host(), request_.repository};
    if (step_ == upload_step::mount)
        why.mount_from = *request_.facts.mount_from;
    return why;
}

transport::url upload_attempt::asked_at() const {
    return goes_to_session(step_) ? *fsm_.session()
                                  : registry_.api(request_.repository, uploads_path);
}

asio::awaitable<http_response> upload_attempt::mount() {
    http_response refused;
    try {
        co_return co_await registry_.send(make_request(), reason());
    } catch (const error& e) {
        // For want of a right to read the other repository, in the registry's words or the token
        // server's, whatever status they have for it. What we may do in ours the next request
        // tells.
        if (e.http_status() == 0)
            throw;
        refused.status = e.http_status();
    }
    co_return refused;
}

asio::awaitable<http_response> upload_attempt::send_body() {
    body_ = co_await request_.open_body();
    http_request request = make_request();
    request.stream = body_.get();
    http_response response = co_await registry_.send(std::move(request), reason());
    if (response.before_request && response.ok())
        throw error(
            errc::registry_protocol,
            concat(registry_.host(), " accepted a blob before it had all of it"));
    if (keeps_method(response.status) && !request_.repeatable)
        throw error(
            errc::registry_protocol,
            concat(
                registry_.host(),
                " redirected the bytes of a blob, which cannot be sent twice, in ",
                request_.repository),
            std::to_string(response.status));
    // Also after a refusal: content that is not what the archive promises is the better reason.
    const bool elsewhere = keeps_method(response.status);
    if (step_ == upload_step::put_whole && !response.before_request && !elsewhere)
        sent_ = co_await body_->finish();
    co_return response;
}

// --- going on with what is there -----------------------------------------------------------------

/// The session is asked what it has. Where it has nothing, or is gone, everything begins anew.
asio::awaitable<void> upload_attempt::take_up() {
    const bool reachable =
        fsm_.resume(*unfinished_, registry_.api(request_.repository, uploads_path));
    session_state found;
    if (reachable) {
        step_ = fsm_.step();
        try {
            found = co_await settled_state();
        } catch (const error& e) {
            if (may_pass(e))
                throw;
        }
    }
    if (found.offset.value_or(0) > 0) {
        resumed_at_ = acknowledged_ = *found.offset;
        co_return;
    }
    session_gone_ = !found.offset;
    kept_ = false;
    if (reachable && !found.gone)
        co_await drop_session(registry_, *fsm_.session(), request_.repository);
    fsm_ = upload_fsm(known_);
    step_ = fsm_.step();
}

/// A registry that has not noticed yet that the last request broke off calls the session busy.
asio::awaitable<upload_attempt::session_state> upload_attempt::settled_state() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    const auto patience = std::chrono::steady_clock::now() + limits::busy_session_time_max;
    std::chrono::milliseconds time = busy_session_time;
    while (true) {
        const session_state found = co_await ask_session();
        const bool wait = found.busy && std::chrono::steady_clock::now() < patience;
        if (!wait)
            co_return found;
        pause.expires_after(time);
        time = std::min<std::chrono::milliseconds>(2 * time, busy_session_time_most);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

/// For who has to go on with it after this process.
asio::awaitable<void> upload_attempt::note_session() {
    if (!request_.record || !fsm_.session() || !goes_to_session(fsm_.step()))
        co_return;
    std::string location = fsm_.session()->whole();
    if (location == noted_)
        co_return;
    noted_ = location;
    kept_ = co_await request_.record->keep(std::move(location));
}

// --- chunks --------------------------------------------------------------------------------------

/// What the session has, if it can be asked.
asio::awaitable<upload_attempt::session_state> upload_attempt::ask_session() {
    http_request request;
    request.method = "GET";
    request.to = *fsm_.session();
    const asked why{"to say how much of a blob it has", registry_.host(), request_.repository};
    // Once: whoever asks tries again as a whole.
    const http_response response =
        co_await registry_.send(std::move(request), why, repetition::never);
    if (may_pass(response.status))
        throw refusal(response, why);
    session_state found;
    found.busy = response.status == 409;
    found.gone = response.status == 404;
    if (response.ok())
        found.offset = parse_status_range(response.header("Range"));
    co_return found;
}

/// Sends one chunk, as often as it takes, and moves on by what has arrived of it.
asio::awaitable<void>
upload_attempt::send_chunk(std::span<const std::byte> chunk, int& repetitions) {
    span_body body(chunk);
    http_request request = make_request();
    request.stream = &body;
    request.headers.emplace_back(
        "Content-Range", concat(acknowledged_, "-", acknowledged_ + chunk.size() - 1));
    const transport::url session = *fsm_.session();
    http_response response;
    std::optional<error> failed;
    try {
        response = co_await registry_.send(std::move(request), reason());
    } catch (const credentials_renewed&) {
        // Nothing of the chunk was taken, and it is still here. Once, until one gets through.
        if (std::exchange(renewed_, true))
            throw;
        co_return;
    } catch (const error& e) {
        if (!may_pass(e))
            throw;
        failed = e;
    }
    renewed_ = false;
    if (!failed && response.status == 413 && registry_.habits().shrink_chunks(chunk.size()))
        co_return;
    if (!failed && !may_pass(response.status)) {
        take_answer(response, session);
        if (keeps_method(response.status)) // the same chunk, to where that leads
            co_return;
        acknowledged_ += chunk.size();
        chunks_->consume(chunk.size());
        co_await note_session();
        co_return;
    }
    const error why = failed ? *failed : refusal(response, reason());
    const bool again = co_await registry_.tries().again(
        std::exchange(repetitions, repetitions + 1), described(reason()), short_reason(why));
    exhausted_ = !again;
    if (!again)
        throw why;
    const session_state found = co_await settled_state();
    const auto offset = found.offset;
    // Where the session is gone or in disorder, the blob begins anew.
    if (!offset || *offset < acknowledged_ || *offset > acknowledged_ + chunk.size())
        throw why;
    chunks_->consume(static_cast<std::size_t>(*offset - acknowledged_));
    acknowledged_ = *offset;
}

asio::awaitable<void> upload_attempt::send_chunks() {
    // Before the body, which takes memory too: who waits for memory must hold none.
    const auto largest = static_cast<std::size_t>(registry_.habits().chunk_bytes());
    chunk_memory memory = co_await registry_.memory_for_chunk(largest);
    body_ = co_await request_.open_body();
    chunks_.emplace(*body_, std::move(memory));
    const bool reached = co_await chunks_->skip(acknowledged_);
    if (!reached)
        throw error(
            errc::registry_protocol,
            concat(registry_.host(), " has more of a blob than the blob has"));
    int repetitions = 0;
    while (true) {
        const auto chunk =
            co_await chunks_->peek(static_cast<std::size_t>(registry_.habits().chunk_bytes()));
        if (chunk.empty())
            break;
        const std::uint64_t before = acknowledged_;
        co_await send_chunk(chunk, repetitions);
        if (acknowledged_ > before)
            repetitions = 0;
    }
    fsm_.chunks_done();
}

// --- commit --------------------------------------------------------------------------------------

/// A PUT whose answer is lost may have been heard: the blob is looked for before it is sent again.
asio::awaitable<http_response> upload_attempt::commit() {
    sent_ = co_await body_->finish();
    fsm_.set_digest(sent_.digest);
    // Its buffers are wanted by others while the registry thinks.
    chunks_.reset();
    body_.reset();
    for (int repetitions = 0;; ++repetitions) {
        http_response response;
        std::optional<error> failed;
        try {
            response = co_await registry_.send(make_request(), reason(), repetition::never);
        } catch (const error& e) {
            if (!may_pass(e))
                throw;
            failed = e;
        }
        const bool gone = !failed && response.status == 404;
        if (!failed && !may_pass(response.status) && !gone)
            co_return response;
        const std::string why = failed ? failed->message() : refusal(response, reason()).cause();
        const bool again = co_await registry_.tries().again(repetitions, described(reason()), why);
        const bool there = again && co_await has_blob(registry_, request_.repository, sent_);
        if (there) {
            fsm_.found_committed();
            co_return response;
        }
        if (!again && failed)
            throw *failed;
        if (!again || gone)
            co_return response;
    }
}

/// Who was redirected to has said yes to something; whether the registry has the blob only the
/// registry knows.
asio::awaitable<void> upload_attempt::check_arrived() {
    for (int repetitions = 0;; ++repetitions) {
        const blob_presence found =
            co_await head_blob(registry_, request_.repository, fsm_.digest());
        if (!found.absent)
            co_return;
        // What went to a store of its own may take a moment to be seen.
        const bool again =
            repetitions < 2
            && co_await registry_.tries().again(repetitions, described(reason()), "not there yet");
        if (again)
            continue;
        throw error(
            errc::registry_protocol,
            concat(
                registry_.host(), " redirected the blob ", fsm_.digest().brief(), " of ",
                request_.repository, ", and does not have it"));
    }
}

// --- the whole -----------------------------------------------------------------------------------

asio::awaitable<http_response> upload_attempt::do_step() {
    switch (step_) {
    case upload_step::mount:
        co_return co_await mount();
    case upload_step::send:
    case upload_step::put_whole:
        co_return co_await send_body();
    case upload_step::commit:
        co_return co_await commit();
    default:
        co_return co_await registry_.send(make_request(), reason());
    }
}

void upload_attempt::take_answer(const http_response& response, const transport::url& asked_at) {
    const transport::url& at = response.redirected_to ? *response.redirected_to : asked_at;
    if (response.status == 202 && (step_ == upload_step::open || step_ == upload_step::mount)) {
        const bool wants_chunks = registry_.habits().learn_bounds(
            parse_decimal(response.header("OCI-Chunk-Min-Length")),
            parse_decimal(response.header("OCI-Chunk-Max-Length")));
        if (wants_chunks)
            fsm_.use(upload_shape::chunked);
    }
    // Of another size under this digest the registry's copy is broken.
    const auto size = parse_decimal(response.header("Content-Length"));
    const bool other_size =
        step_ == upload_step::probe && size && known_.size && *size != *known_.size;
    fsm_.on_answer(
        {other_size ? 404 : response.status, response.header("Location"),
         response.header("Docker-Content-Digest")},
        at);
    if (fsm_.step() != upload_step::failed)
        return;
    if (fsm_.broken().empty())
        throw refusal(response, reason());
    throw error(
        errc::registry_protocol,
        concat(registry_.host(), " broke the upload protocol in ", request_.repository),
        fsm_.broken());
}

asio::awaitable<void> upload_attempt::take_step() {
    const transport::url at = asked_at();
    const http_response response = co_await do_step();
    if (fsm_.step() != upload_step::finished)
        take_answer(response, at);
    const bool committed = step_ == upload_step::commit || step_ == upload_step::put_whole;
    if (committed && (response.redirected_to || keeps_method(response.status)))
        redirected_ = true;
    if (committed && redirected_ && response.ok())
        co_await check_arrived();
    co_await note_session();
}

asio::awaitable<blob_result> upload_attempt::run() {
    if (unfinished_)
        co_await take_up();
    while (fsm_.step() != upload_step::finished) {
        step_ = fsm_.step();
        if (step_ == upload_step::send_chunk) {
            co_await send_chunks();
            continue;
        }
        // Only the answer tells how the session is dropped that was opened.
        const bool opens = step_ == upload_step::open || step_ == upload_step::mount;
        if (opens)
            co_await async::with_grace(take_step(), farewell_time);
        else
            co_await take_step();
    }
    if (fsm_.outcome() != upload_outcome::uploaded)
        sent_.digest = fsm_.digest();
    co_return blob_result{fsm_.outcome(), sent_};
}

namespace {

/// A registry that has not noticed yet that the last request broke off calls the session busy
/// (409); then again, for ever.
asio::awaitable<void>
ask_to_drop(registry_session& registry, transport::url session, std::string repository) {
    const asked why{"to drop an upload", registry.host(), std::move(repository)};
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    while (true) {
        http_request request;
        request.method = "DELETE";
        request.to = session;
        request.answer_time_max = farewell_time;
        const http_response response =
            co_await registry.send(std::move(request), why, repetition::never);
        if (response.status != 409)
            co_return;
        pause.expires_after(busy_session_time);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

} // namespace

asio::awaitable<void>
drop_session(registry_session& registry, transport::url session, std::string repository) {
    auto work = ask_to_drop(registry, std::move(session), std::move(repository));
    (void)co_await async::best_effort(std::move(work), farewell_time);
}

} // namespace tarpon::registry
