#include "async/time_limit.hpp"

#include "async/condition.hpp"
#include "async/task_group.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_time_limit)

using namespace tarpon;
using namespace tarpon::test;
namespace asio = boost::asio;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

/// What became of the work.
struct trace {
    bool begun = false;
    bool done = false;
    bool gone = false; ///< its frame is
};

asio::awaitable<void> work_for(std::chrono::steady_clock::duration time, trace& seen) {
    struct mark {
        bool& flag;
        ~mark() { flag = true; }
    } at_end{seen.gone};
    seen.begun = true;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    co_await timer.async_wait(asio::use_awaitable);
    seen.done = true;
}

asio::awaitable<void> failing_work() {
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    throw std::runtime_error("no");
}

asio::awaitable<void>
limit(asio::awaitable<void> work, std::chrono::milliseconds time, bool& good) {
    good = co_await async::best_effort(std::move(work), time);
}

BOOST_AUTO_TEST_CASE(work_that_ends_in_time_is_done) {
    trace seen;
    bool good = false;
    run_coroutine([&](asio::io_context&) { return limit(work_for(0ms, seen), 60'000ms, good); });
    BOOST_TEST(good);
    BOOST_TEST(seen.done);
}

// It is awaited too: nothing of it runs on.
BOOST_AUTO_TEST_CASE(work_that_takes_too_long_is_cancelled) {
    trace seen;
    bool good = true;
    run_coroutine([&](asio::io_context&) { return limit(work_for(1h, seen), 1ms, good); });
    BOOST_TEST(!good);
    BOOST_TEST(!seen.done);
    BOOST_TEST(seen.gone);
}

BOOST_AUTO_TEST_CASE(work_that_throws_is_nobodys_error) {
    bool good = true;
    run_coroutine([&](asio::io_context&) { return limit(failing_work(), 60'000ms, good); });
    BOOST_TEST(!good);
}

/// Cancels all of `group` once `seen` have begun. Did it hear of that?
asio::awaitable<bool>
cancel_begun(asio::io_context& io, async::task_group& group, std::vector<const trace*> seen) {
    const auto has_begun = [](const trace* one) {
        return one->begun;
    };
    while (!std::all_of(seen.begin(), seen.end(), has_begun))
        co_await asio::post(io, asio::use_awaitable);
    group.cancel();
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        co_return e.code() == asio::error::operation_aborted;
    }
    co_return false;
}

asio::awaitable<void>
cancel_meanwhile(asio::io_context& io, trace& seen, bool& good, bool& aborted) {
    async::task_group group(io.get_executor());
    group.spawn(limit(work_for(1h, seen), 60'000ms, good));
    std::vector<const trace*> all{&seen};
    aborted = co_await cancel_begun(io, group, std::move(all));
}

// Whoever is cancelled while waiting takes the work along, and hears of it.
BOOST_AUTO_TEST_CASE(cancelled_waiter_takes_its_work_along) {
    trace seen;
    bool good = true;
    bool aborted = false;
    run_coroutine([&](asio::io_context& io) { return cancel_meanwhile(io, seen, good, aborted); });
    BOOST_TEST(aborted);
    BOOST_TEST(good); // never assigned
    BOOST_TEST(seen.gone);
    BOOST_TEST(!seen.done);
}

asio::awaitable<void> grant(
    asio::io_context& io,
    std::chrono::milliseconds work,
    std::chrono::milliseconds grace,
    trace& seen,
    bool& aborted) {
    async::task_group group(io.get_executor());
    group.spawn(async::with_grace(work_for(work, seen), grace));
    std::vector<const trace*> all{&seen};
    aborted = co_await cancel_begun(io, group, std::move(all));
}

// What began comes to its end, and the cancellation is not forgotten.
BOOST_AUTO_TEST_CASE(cancelled_work_ends_within_its_grace) {
    trace seen;
    bool aborted = false;
    run_coroutine([&](asio::io_context& io) { return grant(io, 30ms, 60'000ms, seen, aborted); });
    BOOST_TEST(seen.done);
    BOOST_TEST(aborted);
}

asio::awaitable<void> cancel_two(asio::io_context& io, trace& quick, trace& slow) {
    async::task_group group(io.get_executor());
    group.spawn(async::with_grace(work_for(5ms, quick), 60'000ms));
    group.spawn(async::with_grace(work_for(60ms, slow), 60'000ms));
    std::vector<const trace*> all{&quick, &slow};
    (void)co_await cancel_begun(io, group, std::move(all));
}

// The first of them to end is no second cancellation for the others.
BOOST_AUTO_TEST_CASE(each_has_its_own_grace) {
    trace quick, slow;
    run_coroutine([&](asio::io_context& io) { return cancel_two(io, quick, slow); });
    BOOST_TEST(quick.done);
    BOOST_TEST(slow.done);
}

BOOST_AUTO_TEST_CASE(grace_is_not_for_ever) {
    trace seen;
    bool aborted = false;
    run_coroutine([&](asio::io_context& io) { return grant(io, 3'600'000ms, 1ms, seen, aborted); });
    BOOST_TEST(!seen.done);
    BOOST_TEST(seen.gone);
    BOOST_TEST(aborted);
}

BOOST_AUTO_TEST_CASE(work_with_grace_ends_as_it_would_without) {
    trace seen;
    run_coroutine([&](asio::io_context&) { return async::with_grace(work_for(0ms, seen), 1ms); });
    BOOST_TEST(seen.done);
    auto fail = [](asio::io_context&) {
        return async::with_grace(failing_work(), 1ms);
    };
    BOOST_CHECK_THROW(run_coroutine(fail), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
