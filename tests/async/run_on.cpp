#include "async/run_on.hpp"

#include "support/run_coroutine.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_run_on)

using namespace tarpon;
namespace asio = boost::asio;

asio::awaitable<void> there_and_back() {
    async::cpu_pool pool(2);
    const auto home = std::this_thread::get_id();
    auto work = [home] {
        return std::this_thread::get_id() != home;
    };
    const bool elsewhere = co_await async::run_on(pool.get_executor(), work);
    BOOST_TEST(elsewhere);
    BOOST_TEST((std::this_thread::get_id() == home));
    auto nothing = [] {
    };
    co_await async::run_on(pool.get_executor(), nothing);
}

BOOST_AUTO_TEST_CASE(work_runs_elsewhere_and_comes_home) {
    test::run_coroutine([](asio::io_context&) { return there_and_back(); });
}

asio::awaitable<void> throws() {
    async::cpu_pool pool(1);
    auto work = []() -> int {
        throw std::runtime_error("from the pool");
    };
    (void)co_await async::run_on(pool.get_executor(), work);
}

BOOST_AUTO_TEST_CASE(exception_comes_home) {
    BOOST_CHECK_THROW(
        test::run_coroutine([](asio::io_context&) { return throws(); }), std::runtime_error);
}

struct thread_witness {
    std::thread::id* destroyed_on;
    ~thread_witness() { *destroyed_on = std::this_thread::get_id(); }
};

asio::awaitable<void> owns(std::thread::id& destroyed_on) {
    async::cpu_pool pool(2);
    auto work = [owned = std::make_shared<thread_witness>(&destroyed_on)] {
        (void)owned;
    };
    co_await async::run_on(pool.get_executor(), std::move(work));
}

// Leases are let go on the I/O thread, whoever used them last.
BOOST_AUTO_TEST_CASE(owned_things_are_destroyed_at_home) {
    for (int i = 0; i < 200; ++i) {
        std::thread::id destroyed_on;
        test::run_coroutine([&](asio::io_context&) { return owns(destroyed_on); });
        BOOST_TEST((destroyed_on == std::this_thread::get_id()));
    }
}

BOOST_AUTO_TEST_SUITE_END()
