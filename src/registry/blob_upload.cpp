// See blob_upload.hpp.
#include "registry/blob_upload.hpp"

#include "async/time_limit.hpp"
#include "model/text.hpp"
#include "registry/upload_attempt.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

/// One blob, in as many attempts as it takes.
class blob_put {
public:
    blob_put(registry_session& registry, blob_request request)
        : registry_(registry)
        , request_(std::move(request))
        , known_(request_.facts)
        , tried_{first_shape()} {
        if (known_.digest && !known_.size)
            known_.size = request_.size;
    }

    asio::awaitable<blob_result> go();

private:
    enum class next_try { none, other_shape, at_once, later };

    struct ending {
        std::optional<blob_result> done;
        std::exception_ptr failed;
        std::optional<error> why;
        std::optional<transport::url> session; ///< left open
        next_try next = next_try::none;
    };

    upload_shape first_shape() const;
    bool monolithic_possible() const { return known_.digest && request_.size; }
    asio::awaitable<ending> attempt();
    next_try after(const upload_attempt& one, const error& why, bool renewed);
    void prepare(const upload_attempt& one);
    void plan_resume(const upload_attempt& one, ending& end);
    asio::awaitable<bool> wait_for_next(const error& why);
    asio::awaitable<void> abandon(const ending& end, bool reachable);
    asio::awaitable<void> give_up(const ending& end, std::exception_ptr stopped);

    registry_session& registry_;
    const blob_request request_;
    upload_fsm::facts known_;
    std::vector<upload_shape> tried_;       ///< the last one is the current one
    std::optional<std::string> unfinished_; ///< a session to go on with
    descriptor sent_;                       ///< all of it, in a try that failed later
    bool kept_ = false;                     ///< the record has the session that is open
    std::uint64_t furthest_ = 0;            ///< bytes from where an attempt went on
    bool anew_ = false;                     ///< what was gone on with was of no use: not again
    bool begun_anew_ = false;               ///< that happened before
    int repetitions_ = 0;
    bool renewed_ = false;     ///< credentials, once
    bool own_session_ = false; ///< one was opened or gone on with before
};

/// Of what was gone on with: other bytes than ours, or a session that only looked alive. Not who we
/// are, nor what is wrong with the archive: that is so from the beginning too.
bool is_about_session(const error& why) {
    const int status = why.http_status();
    const bool refused = status != 0 && status != 401 && status != 403 && !may_pass(status);
    return refused || why.code() == errc::registry_protocol;
}

upload_shape blob_put::first_shape() const {
    const upload_shape shape = registry_.habits().shape();
    const bool whole = request_.whole_if_possible && registry_.habits().takes_whole_bodies();
    if (whole && shape == upload_shape::streamed && known_.digest && request_.size)
        return upload_shape::monolithic;
    const bool impossible = shape == upload_shape::monolithic && !monolithic_possible();
    return impossible ? upload_shape::streamed : shape;
}

blob_put::next_try blob_put::after(const upload_attempt& one, const error& why, bool renewed) {
    // What comes before the body has been tried again already, request by request.
    if (!request_.repeatable || !goes_to_session(one.step()))
        return next_try::none;
    if (renewed)
        return std::exchange(renewed_, true) ? next_try::none : next_try::at_once;
    const bool refused = one.step() != upload_step::commit && why.http_status() != 0;
    if (one.exhausted())
        return next_try::none;
    if (one.resumed_at() > 0 && is_about_session(why)) {
        anew_ = true;
        return std::exchange(begun_anew_, true) ? next_try::later : next_try::at_once;
    }
    if (refused) {
        const auto shape =
            registry_.habits().after_refusal(why.http_status(), tried_, monolithic_possible());
        if (shape) {
            tried_.push_back(*shape);
            return next_try::other_shape;
        }
    }
    // 404: the session is gone, with the registry that was restarted or the one behind a balancer.
    const bool lost = why.http_status() == 404;
    return may_pass(why) || lost ? next_try::later : next_try::none;
}

void blob_put::prepare(const upload_attempt& one) {
    known_.mount_from.reset();
    if (!one.sent().digest.empty()) {
        sent_ = one.sent();
        known_.digest = sent_.digest;
        known_.size = sent_.size;
    }
    // The answer to a commit may be what was lost.
    known_.probe = known_.digest && registry_.tries().enabled();
}

/// What the session has need not be sent again, if it is asked for the rest.
void blob_put::plan_resume(const upload_attempt& one, ending& end) {
    const bool broke_off = one.step() == upload_step::send || one.step() == upload_step::send_chunk;
    const bool worth_it =
        end.next == next_try::later || (end.next == next_try::at_once && one.resumed_at() > 0);
    if (!broke_off || !worth_it || anew_ || !end.session || !registry_.habits().may_resume())
        return;
    unfinished_ = end.session->whole();
    // Each time it got further, the next failure is the first one there.
    if (one.resumed_at() > std::exchange(furthest_, std::max(furthest_, one.resumed_at())))
        repetitions_ = 0;
}

/// A failed attempt is over, and its buffers given back, before anyone waits.
asio::awaitable<blob_put::ending> blob_put::attempt() {
    known_.shape = tried_.back();
    const auto begun = std::chrono::steady_clock::now();
    anew_ = false;
    const bool kept = kept_ && unfinished_;
    upload_attempt one(registry_, request_, known_, std::exchange(unfinished_, std::nullopt), kept);
    ending end;
    bool renewed = false;
    try {
        end.done = co_await one.run();
    } catch (const credentials_renewed& e) {
        end.failed = std::current_exception();
        end.why = e;
        renewed = true;
    } catch (const error& e) {
        end.failed = std::current_exception();
        end.why = e;
    } catch (...) {
        end.failed = std::current_exception();
    }
    // A session of an earlier process may be too old; one of this process should be known.
    if (one.session_gone() && own_session_)
        registry_.habits().sessions_are_lost();
    own_session_ |= one.session().has_value();
    kept_ = one.is_kept();
    if (end.done) {
        if (end.done->outcome != upload_outcome::uploaded
            && sent_.digest == end.done->content.digest)
            end.done->content = sent_;
        registry_.slots().succeeded();
        if (tried_.size() > 1 && end.done->outcome == upload_outcome::uploaded) {
            registry_.habits().worked(tried_.back());
            if (tried_.front() == upload_shape::monolithic)
                registry_.habits().whole_bodies_are_refused();
        }
        co_return end;
    }
    end.session = one.session();
    if (end.why) {
        if (end.why->code() == errc::transport_timeout)
            registry_.slots().pushed_back(begun);
        end.next = after(one, *end.why, renewed);
        plan_resume(one, end);
    }
    prepare(one);
    co_return end;
}

/// Nobody goes on with the session that is left open.
asio::awaitable<void> blob_put::abandon(const ending& end, bool reachable) {
    if (request_.record)
        co_await request_.record->forget();
    if (reachable && end.session)
        co_await drop_session(registry_, *end.session, request_.repository);
}

asio::awaitable<bool> blob_put::wait_for_next(const error& why) {
    std::string which = request_.label.empty() ? "a blob" : request_.label;
    if (known_.digest)
        which = concat("blob ", known_.digest->brief());
    std::string what = concat(which, " for ", registry_.host(), "/", request_.repository);
    co_return co_await registry_.tries().again(repetitions_++, std::move(what), short_reason(why));
}

asio::awaitable<blob_result> blob_put::go() {
    const auto slot = co_await registry_.slots().acquire();
    if (request_.record && registry_.habits().may_resume())
        unfinished_ = co_await request_.record->take();
    kept_ = unfinished_.has_value();
    while (true) {
        const ending end = co_await attempt();
        if (end.done && request_.record)
            co_await request_.record->forget();
        if (end.done)
            co_return *end.done;
        // Stopped while it waits: as while it sends, the session is not forgotten.
        std::exception_ptr stopped;
        bool again = end.next != next_try::none;
        try {
            if (end.next == next_try::later)
                again = co_await wait_for_next(*end.why);
        } catch (...) {
            stopped = std::current_exception();
            again = false;
        }
        // To call anything, the interrupt has to be taken down first; give_up throws it again.
        const auto state = co_await asio::this_coro::cancellation_state;
        const bool cancelled = state.cancelled() != asio::cancellation_type::none;
        if (cancelled)
            co_await asio::this_coro::reset_cancellation_state(
                asio::enable_terminal_cancellation());
        if (cancelled && !stopped)
            stopped = std::make_exception_ptr(
                boost::system::system_error(asio::error::operation_aborted));
        if (!again || stopped)
            co_await give_up(end, stopped);
        // After the wait: what could not be reached may be back.
        if (!unfinished_)
            co_await abandon(end, true);
    }
}

/// Throws. Who was interrupted, or lost the network, leaves a session that is written down to the
/// next process. Whoever called may have other targets to go on with, and is to hear of an
/// interrupt that comes meanwhile.
asio::awaitable<void> blob_put::give_up(const ending& end, std::exception_ptr stopped) {
    const bool interrupted = stopped || !end.why;
    const bool network = end.why && class_of(end.why->code()) == error_class::network;
    const bool for_later = kept_ && (network || interrupted) && registry_.habits().may_resume();
    if (!for_later)
        co_await async::with_grace(abandon(end, stopped || !network), farewell_time);
    if (stopped)
        std::rethrow_exception(stopped);
    if (network && for_later && end.why->hint().empty())
        throw error(*end.why).with_hint("run it again: what has arrived is gone on with");
    std::rethrow_exception(end.failed);
}

} // namespace

asio::awaitable<blob_result> put_blob(registry_session& registry, blob_request request) {
    blob_put one(registry, std::move(request));
    co_return co_await one.go();
}

namespace {

asio::awaitable<void> open_and_drop(registry_session& registry, const std::string& repository) {
    const asked why{"to open an upload", registry.host(), repository};
    http_request open;
    open.method = "POST";
    open.to = registry.api(repository, "blobs/uploads/");
    const transport::url asked_at = open.to;
    const http_response response = co_await registry.send(std::move(open), why);
    if (response.status != 202)
        throw refusal(response, why);
    const auto session =
        session_at(response.header("Location"), response.redirected_to.value_or(asked_at));
    if (session)
        co_await drop_session(registry, *session, repository);
}

} // namespace

asio::awaitable<void> probe_upload(registry_session& registry, std::string repository) {
    co_await async::with_grace(open_and_drop(registry, repository), 2 * farewell_time);
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
    blob_presence found;
    found.present = response.status == 200;
    found.absent = response.status == 404;
    found.size = parse_decimal(response.header("Content-Length"));
    co_return found;
}

asio::awaitable<bool>
has_blob(registry_session& registry, std::string repository, descriptor content) {
    const blob_presence found = co_await head_blob(registry, repository, content.digest);
    co_return found.present && (!found.size || *found.size == content.size);
}

} // namespace tarpon::registry
