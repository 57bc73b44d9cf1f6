#include "transport/connection_pool.hpp"

#include "async/task_group.hpp"
#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "transport/http_exchange.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_connection_pool)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;

answer hello(const seen_request&) {
    return answer::with(200, "hello");
}

asio::awaitable<void> use(connection_lease& lease) {
    http_request request;
    request.method = "GET";
    request.to = {lease->peer, "/"};
    const exchange_outcome got = co_await exchange(*lease, request);
    BOOST_REQUIRE(got.reusable);
}

asio::awaitable<void> turns(asio::io_context& io, int count) {
    for (int i = 0; i < count; ++i)
        co_await asio::post(io, asio::use_awaitable);
}

asio::awaitable<void> kept_is_reused(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 2);
    for (int i = 0; i < 3; ++i) {
        connection_lease lease = co_await pool.acquire(server.origin());
        BOOST_TEST(lease.used_before() == (i > 0));
        co_await use(lease);
        lease.keep();
    }
    BOOST_TEST(pool.opened() == 1u);
    BOOST_TEST(server.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(kept_connection_is_reused) {
    run_coroutine(kept_is_reused);
}

asio::awaitable<void> dropped_is_closed(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 1);
    for (int i = 0; i < 2; ++i) {
        connection_lease lease = co_await pool.acquire(server.origin());
        co_await use(lease);
    }
    BOOST_TEST(pool.opened() == 2u);
    while (server.connections_open() > 0)
        co_await turns(io, 1);
}

BOOST_AUTO_TEST_CASE(dropped_lease_closes_its_connection) {
    run_coroutine(dropped_is_closed);
}

struct taken {
    connection_lease lease;
    bool done = false;
};

asio::awaitable<void> take(connection_pool& pool, origin at, taken& into, bool fresh = false) {
    into.lease = co_await pool.acquire(at, fresh);
    into.done = true;
}

asio::awaitable<void> bound(asio::io_context& io) {
    scripted_server server(io, hello), other(io, hello);
    connection_pool pool(io.get_executor(), {}, 2);
    connection_lease one = co_await pool.acquire(server.origin());
    connection_lease two = co_await pool.acquire(server.origin());
    // another origin has a bound of its own
    connection_lease elsewhere = co_await pool.acquire(other.origin());
    taken third;
    async::task_group group(io.get_executor());
    group.spawn(take(pool, server.origin(), third));
    co_await turns(io, 50);
    BOOST_TEST(!third.done);
    co_await use(two);
    two.keep();
    co_await group.join();
    BOOST_TEST(third.done);
    BOOST_TEST(third.lease.used_before());
    BOOST_TEST(server.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(over_the_bound_waits_for_one_to_come_back) {
    run_coroutine(bound);
}

// A waiter that gives up takes no place with it.
asio::awaitable<void> cancelled_waiter(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 1);
    connection_lease one = co_await pool.acquire(server.origin());
    taken second;
    async::task_group group(io.get_executor());
    group.spawn(take(pool, server.origin(), second));
    co_await turns(io, 20);
    group.cancel();
    bool aborted = false;
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        aborted = e.code() == asio::error::operation_aborted;
    }
    BOOST_TEST(aborted);
    BOOST_TEST(!second.done);
    one = connection_lease();
    connection_lease again = co_await pool.acquire(server.origin());
    BOOST_TEST(!again.used_before());
}

BOOST_AUTO_TEST_CASE(cancelled_waiter_leaves_the_pool_whole) {
    run_coroutine(cancelled_waiter);
}

// A connection that cannot be made gives its place back, every time.
asio::awaitable<void> failed_dial(asio::io_context& io) {
    std::optional<scripted_server> server(std::in_place, io, hello);
    const origin at = server->origin();
    server.reset();
    connection_pool pool(io.get_executor(), {}, 1);
    for (int i = 0; i < 3; ++i) {
        const error failed = co_await error_of(pool.acquire(at));
        BOOST_TEST(failed.code() == errc::transport_connect);
    }
    BOOST_TEST(pool.opened() == 0u);
}

BOOST_AUTO_TEST_CASE(failed_dial_gives_its_place_back) {
    run_coroutine(failed_dial);
}

asio::awaitable<void> closed_while_idle(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 1);
    {
        connection_lease lease = co_await pool.acquire(server.origin());
        co_await use(lease);
        lease.keep();
    }
    co_await turns(io, 5);
    server.close_idle();
    connection_lease lease = co_await pool.acquire(server.origin());
    BOOST_TEST(!lease.used_before());
    co_await use(lease);
    BOOST_TEST(server.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(connection_closed_while_idle_is_replaced) {
    run_coroutine(closed_while_idle);
}

asio::awaitable<void> fresh_now(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 2);
    {
        connection_lease lease = co_await pool.acquire(server.origin());
        co_await use(lease);
        lease.keep();
    }
    connection_lease lease = co_await pool.acquire(server.origin(), true);
    BOOST_TEST(!lease.used_before());
}

BOOST_AUTO_TEST_CASE(fresh_is_never_reused) {
    run_coroutine(fresh_now);
}

// Also when it had to wait: what comes back meanwhile is not fresh either.
asio::awaitable<void> fresh_after_waiting(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 1);
    connection_lease one = co_await pool.acquire(server.origin());
    taken second;
    async::task_group group(io.get_executor());
    group.spawn(take(pool, server.origin(), second, true));
    co_await turns(io, 20);
    co_await use(one);
    one.keep();
    co_await group.join();
    BOOST_TEST(!second.lease.used_before());
    BOOST_TEST(server.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(fresh_is_never_reused_after_waiting) {
    run_coroutine(fresh_after_waiting);
}

asio::awaitable<void> moves(asio::io_context& io) {
    scripted_server server(io, hello);
    connection_pool pool(io.get_executor(), {}, 1);
    connection_lease one = co_await pool.acquire(server.origin());
    connection_lease two = std::move(one);
    connection_lease three;
    three = std::move(two);
    co_await use(three);
    three.keep();
    three.keep(); // nothing is held any more
    connection_lease again = co_await pool.acquire(server.origin());
    BOOST_TEST(again.used_before());
}

BOOST_AUTO_TEST_CASE(lease_moves_like_a_unique_ptr) {
    run_coroutine(moves);
}

BOOST_AUTO_TEST_SUITE_END()
