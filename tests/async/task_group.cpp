#include "async/task_group.hpp"

#include "async/tokens.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_task_group)

using namespace tarpon;
namespace asio = boost::asio;
using namespace std::chrono_literals;

struct tally {
    int finished = 0, cancelled = 0;
};

asio::awaitable<void> sleep_for(asio::io_context& io, std::chrono::milliseconds time, tally& t) {
    asio::steady_timer timer(io, time);
    const auto got = co_await timer.async_wait(async::nothrow);
    if (std::get<0>(got))
        ++t.cancelled;
    else
        ++t.finished;
}

asio::awaitable<void> fail(const char* what) {
    throw std::runtime_error(what);
    co_return;
}

asio::awaitable<void> fail_later(asio::io_context& io, const char* what) {
    asio::steady_timer timer(io, 5ms);
    co_await timer.async_wait(asio::use_awaitable);
    throw std::runtime_error(what);
}

asio::awaitable<void> nothing() {
    co_return;
}

asio::awaitable<void> all_finish(asio::io_context& io) {
    tally t;
    async::task_group group(io.get_executor());
    for (int i = 0; i < 10; ++i)
        group.spawn(sleep_for(io, std::chrono::milliseconds(i % 3), t));
    group.spawn(nothing());
    co_await group.join();
    BOOST_TEST(t.finished == 10);
    BOOST_TEST(group.running() == 0u);
}

BOOST_AUTO_TEST_CASE(join_waits_for_all) {
    test::run_coroutine(all_finish);
}

asio::awaitable<void> first_failure(asio::io_context& io) {
    tally t;
    async::task_group group(io.get_executor());
    group.spawn(sleep_for(io, 1h, t));
    group.spawn(fail_later(io, "late"));
    group.spawn(fail("early"));
    std::string what;
    try {
        co_await group.join();
    } catch (const std::runtime_error& e) {
        what = e.what();
    }
    BOOST_TEST(what == "early");
    BOOST_TEST(t.cancelled == 1);
}

BOOST_AUTO_TEST_CASE(first_failure_in_time_cancels_the_rest) {
    test::run_coroutine(first_failure);
}

asio::awaitable<void> parent(asio::io_context& io, tally& t) {
    async::task_group group(io.get_executor());
    group.spawn(sleep_for(io, 1h, t));
    group.spawn(sleep_for(io, 1h, t));
    co_await group.join();
}

asio::awaitable<void> cancel_parent(asio::io_context& io) {
    tally t;
    async::task_group outer(io.get_executor());
    outer.spawn(parent(io, t));
    asio::steady_timer timer(io, 5ms);
    co_await timer.async_wait(asio::use_awaitable);
    outer.cancel();
    bool aborted = false;
    try {
        co_await outer.join();
    } catch (const boost::system::system_error&) {
        aborted = true;
    }
    BOOST_TEST(aborted);
    BOOST_TEST(t.cancelled == 2);
}

BOOST_AUTO_TEST_CASE(cancelled_parent_cancels_and_still_joins) {
    test::run_coroutine(cancel_parent);
}

asio::awaitable<void> spawn_into_cancelled(asio::io_context& io) {
    tally t;
    async::task_group group(io.get_executor());
    group.cancel();
    group.spawn(sleep_for(io, 1h, t));
    group.spawn(nothing());
    try {
        co_await group.join();
    } catch (const boost::system::system_error&) {
    }
    BOOST_TEST(group.running() == 0u);
}

// A child that is cancelled before it ever suspended must not throw out of run() (asio #1452).
BOOST_AUTO_TEST_CASE(spawn_after_cancel_ends_quietly) {
    test::run_coroutine(spawn_into_cancelled);
}

BOOST_AUTO_TEST_SUITE_END()
