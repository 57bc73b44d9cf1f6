#include "async/condition.hpp"

#include "async/task_group.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_condition)

using namespace tarpon;
namespace asio = boost::asio;

asio::awaitable<void> wait_once(async::condition& c, int& woken) {
    co_await c.wait();
    ++woken;
}

asio::awaitable<void> notify_wakes(asio::io_context& io) {
    async::condition c(io.get_executor());
    int woken = 0;
    async::task_group group(io.get_executor());
    for (int i = 0; i < 5; ++i)
        group.spawn(wait_once(c, woken));
    while (woken < 5) {
        c.notify_all();
        co_await asio::post(io, asio::use_awaitable);
    }
    co_await group.join();
}

BOOST_AUTO_TEST_CASE(notify_all_wakes_every_waiter) {
    test::run_coroutine(notify_wakes);
}

asio::awaitable<void> cancel_throws(asio::io_context& io) {
    async::condition c(io.get_executor());
    int woken = 0;
    async::task_group group(io.get_executor());
    group.spawn(wait_once(c, woken));
    co_await asio::post(io, asio::use_awaitable);
    group.cancel();
    bool aborted = false;
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        aborted = e.code() == asio::error::operation_aborted;
    }
    BOOST_TEST(aborted);
    BOOST_TEST(woken == 0);
}

BOOST_AUTO_TEST_CASE(cancelled_waiter_throws) {
    test::run_coroutine(cancel_throws);
}

BOOST_AUTO_TEST_SUITE_END()
