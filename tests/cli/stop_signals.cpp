#include "cli/stop_signals.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>

BOOST_AUTO_TEST_SUITE(test_stop_signals)

using namespace std::chrono_literals;
using namespace tarpon::cli;
namespace asio = boost::asio;

void run_until_received(asio::io_context& io, const stop_signals& stop) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!stop.received() && std::chrono::steady_clock::now() < end)
        io.run_for(10ms);
}

BOOST_AUTO_TEST_CASE(each_of_them_asks_once_for_an_end) {
    std::signal(SIGHUP, SIG_DFL); // the tests may run under nohup
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        asio::io_context io{1};
        stop_signals stop(io);
        int asked = 0;
        stop.slot().assign([&](asio::cancellation_type) { ++asked; });
        BOOST_TEST(!stop.received());
        ::raise(number);
        ::raise(number);
        run_until_received(io, stop);
        io.run_for(50ms); // the other one
        BOOST_TEST(stop.received());
        BOOST_TEST(asked == 1);
    }
}

// The system tells that a terminal is gone, and then the shell does, at its leisure.
BOOST_AUTO_TEST_CASE(a_terminal_that_is_gone_is_no_second_request) {
    asio::io_context io{1};
    std::signal(SIGHUP, SIG_DFL);
    stop_signals stop(io);
    ::raise(SIGHUP);
    run_until_received(io, stop);
    io.run_for(400ms);
    ::raise(SIGHUP);
    io.run_for(200ms);
    BOOST_TEST(stop.received());
}

BOOST_AUTO_TEST_CASE(what_nohup_ignores_stays_ignored) {
    const auto before = std::signal(SIGHUP, SIG_IGN);
    asio::io_context io{1};
    stop_signals stop(io);
    ::raise(SIGHUP);
    io.run_for(50ms);
    std::signal(SIGHUP, before);
    BOOST_TEST(!stop.received());
}

BOOST_AUTO_TEST_SUITE_END()
