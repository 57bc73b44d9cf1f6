#include "pipeline/buffer_pool.hpp"

#include "async/task_group.hpp"
#include "server/process_numbers.hpp"
#include "support/run_coroutine.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/post.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_buffer_pool)

using namespace tarpon;
namespace asio = boost::asio;
using pool_type = pipeline::buffer_pool;

asio::awaitable<void>
take_and_log(pool_type& pool, std::size_t size, int name, std::vector<int>& log) {
    const auto lease = co_await pool.acquire(size);
    log.push_back(name);
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
}

// A large request is not overtaken for ever by small ones.
asio::awaitable<void> first_come_first_served(asio::io_context& io) {
    pool_type pool(io.get_executor(), 100);
    std::vector<int> log;
    async::task_group group(io.get_executor());
    auto first = co_await pool.acquire(60);
    group.spawn(take_and_log(pool, 90, 1, log));
    group.spawn(take_and_log(pool, 10, 2, log));
    group.spawn(take_and_log(pool, 10, 3, log));
    for (int i = 0; i < 10; ++i)
        co_await asio::post(io, asio::use_awaitable);
    BOOST_TEST(log.empty());
    BOOST_TEST(!pool.available(10));
    first = {};
    co_await group.join();
    BOOST_TEST((log == std::vector{1, 2, 3}));
    BOOST_TEST(pool.bytes_used() == 0u);
    BOOST_TEST(pool.bytes_peak() <= 100u);
}

asio::awaitable<void> less_for_now(asio::io_context& io) {
    pool_type pool(io.get_executor(), 100);
    pool.keep_to(50);
    std::vector<int> log;
    async::task_group group(io.get_executor());
    {
        const auto held = co_await pool.acquire(40);
        BOOST_TEST(pool.available(10));
        BOOST_TEST(!pool.available(11));
        group.spawn(take_and_log(pool, 90, 1, log)); // alone, but it gets it
        co_await asio::post(io, asio::use_awaitable);
        BOOST_TEST(log.empty());
    }
    co_await group.join();
    BOOST_TEST((log == std::vector{1}));
    const auto held = co_await pool.acquire(40);
    async::task_group more(io.get_executor());
    more.spawn(take_and_log(pool, 60, 2, log));
    co_await asio::post(io, asio::use_awaitable);
    BOOST_TEST(log.size() == 1u);
    const auto chunk = co_await pool.acquire_ahead(55); // not held back by the line
    BOOST_TEST(pool.bytes_used() == 95u);
    pool.keep_to(100);
    BOOST_TEST(!pool.available(5)); // somebody is in line
    more.cancel();
    try {
        co_await more.join();
    } catch (const boost::system::system_error&) {
    }
    BOOST_TEST(pool.available(5));
    BOOST_TEST(!pool.available(6));
}

BOOST_AUTO_TEST_CASE(less_may_be_given_out_for_now) {
    test::run_coroutine(less_for_now);
}

BOOST_AUTO_TEST_CASE(waiters_are_served_in_order) {
    test::run_coroutine(first_come_first_served);
}

asio::awaitable<void> cancelled_waiter(asio::io_context& io) {
    pool_type pool(io.get_executor(), 100);
    std::vector<int> log;
    auto held = co_await pool.acquire(100);
    {
        async::task_group group(io.get_executor());
        group.spawn(take_and_log(pool, 50, 1, log));
        co_await asio::post(io, asio::use_awaitable);
        co_await asio::post(io, asio::use_awaitable);
        group.cancel();
        try {
            co_await group.join();
        } catch (const boost::system::system_error&) {
        }
    }
    held = {};
    BOOST_TEST(pool.available(100));
    const auto again = co_await pool.acquire(100);
    BOOST_TEST(again.bytes().size() == 100u);
}

BOOST_AUTO_TEST_CASE(cancelled_waiter_leaves_the_line) {
    test::run_coroutine(cancelled_waiter);
}

asio::awaitable<void> other_sizes(asio::io_context& io) {
    pool_type pool(io.get_executor(), 100);
    for (const std::size_t size : {60u, 90u, 10u, 100u, 1u}) {
        const auto lease = co_await pool.acquire(size);
        BOOST_TEST(lease.bytes().size() == size);
        BOOST_TEST(pool.bytes_used() == size);
    }
    co_await pool.drained();
}

BOOST_AUTO_TEST_CASE(idle_memory_of_another_size_makes_room) {
    test::run_coroutine(other_sizes);
}

asio::awaitable<void> mixed_sizes(asio::io_context& io) {
    constexpr std::size_t whole = 64 << 20;
    pool_type pool(io.get_executor(), whole);
    const auto resident_bytes = [] {
        return server::read_process_numbers().resident_bytes;
    };
    const std::uint64_t before = resident_bytes();
    for (const std::size_t part : {1u, 2u, 4u, 1u, 8u}) {
        std::vector<pipeline::buffer_lease> all;
        for (std::size_t i = 0; i < part; ++i) {
            auto lease = co_await pool.acquire(whole / part);
            all.push_back(std::move(lease));
            std::memset(all.back().bytes().data(), 1, whole / part);
        }
        // A sanitizer remembers something of every page.
        BOOST_TEST(resident_bytes() < before + whole + whole / 4 * 3);
    }
    co_await pool.drained();
}

#ifdef __SANITIZE_THREAD__
constexpr bool memory_is_ours = false; // it keeps several bytes of its own for each of ours
#else
constexpr bool memory_is_ours = true;
#endif

// The cap is one of real memory, idle blocks included.
BOOST_AUTO_TEST_CASE(
    idle_blocks_count_against_the_cap, *boost::unit_test::enable_if<memory_is_ours>()) {
    test::run_coroutine(mixed_sizes);
}

asio::awaitable<void> too_large(asio::io_context& io) {
    pool_type pool(io.get_executor(), 100);
    const auto lease = co_await pool.acquire(101);
}

BOOST_AUTO_TEST_CASE(more_than_the_cap_is_an_error_not_a_hang) {
    BOOST_CHECK_THROW(test::run_coroutine(too_large), tarpon::error);
}

BOOST_AUTO_TEST_SUITE_END()
