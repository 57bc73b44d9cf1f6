// Turns: bounded, in order, and given back whatever happens.
#include "async/slots.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_slots)

namespace asio = boost::asio;
using tarpon::async::slots;

struct scene {
    asio::io_context io{1};
    slots places;
    std::vector<int> went;
    std::vector<std::optional<slots::lease>> held;

    explicit scene(int limit)
        : places(io.get_executor(), limit)
        , held(10) {}

    /// Whoever still waits gets a turn: nobody may wait longer than the slots live.
    ~scene() {
        for (std::size_t round = 0; round < held.size(); ++round) {
            for (auto& one : held)
                one.reset();
            turn();
        }
    }

    asio::awaitable<void> take(int who, std::uint64_t weight = 0) {
        slots::lease mine = co_await places.acquire(weight);
        went.push_back(who);
        held[static_cast<std::size_t>(who)].emplace(std::move(mine));
    }
    void start(int who, std::uint64_t weight = 0) {
        asio::co_spawn(io, take(who, weight), [](std::exception_ptr) {});
    }
    void turn() {
        io.restart();
        io.poll();
    }
    void give_back(int who) {
        held[static_cast<std::size_t>(who)].reset();
        turn();
    }
};

BOOST_AUTO_TEST_CASE(as_many_as_the_limit_and_the_rest_in_their_order) {
    scene s(2);
    for (int i = 0; i < 5; ++i)
        s.start(i);
    s.turn();
    BOOST_TEST((s.went == std::vector{0, 1}));
    s.give_back(1);
    BOOST_TEST((s.went == std::vector{0, 1, 2}));
    s.give_back(0);
    s.give_back(2);
    BOOST_TEST((s.went == std::vector{0, 1, 2, 3, 4}));
    BOOST_TEST(s.places.in_use() == 2);
}

BOOST_AUTO_TEST_CASE(the_heaviest_goes_first_and_equals_in_their_order) {
    scene s(1);
    s.start(0);
    for (const auto& [who, weight] : {std::pair{1, 5}, {2, 7}, {3, 5}, {4, 9}, {5, 0}})
        s.start(who, static_cast<std::uint64_t>(weight));
    s.turn();
    for (const int who : {0, 4, 2, 1, 3})
        s.give_back(who);
    BOOST_TEST((s.went == std::vector{0, 4, 2, 1, 3, 5}));
}

BOOST_AUTO_TEST_CASE(a_try_takes_what_is_free_and_goes_before_nobody) {
    scene s(1);
    {
        const auto mine = s.places.try_acquire();
        BOOST_TEST(mine.has_value());
        BOOST_TEST(!s.places.try_acquire().has_value());
    }
    s.start(0);
    s.start(1);
    s.turn();
    s.held[0].reset(); // free, but the next in line has not been told yet
    BOOST_TEST(!s.places.try_acquire().has_value());
    s.turn();
    BOOST_TEST((s.went == std::vector{0, 1}));
}

BOOST_AUTO_TEST_CASE(a_lower_limit_holds_for_who_comes_next) {
    scene s(4);
    for (int i = 0; i < 6; ++i)
        s.start(i);
    s.turn();
    BOOST_TEST(s.went.size() == 4u);
    s.places.set_limit(2);
    s.give_back(0);
    s.give_back(1);
    BOOST_TEST(s.went.size() == 4u);
    s.give_back(2);
    BOOST_TEST(s.went.size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_higher_limit_lets_waiters_go) {
    scene s(1);
    for (int i = 0; i < 4; ++i)
        s.start(i);
    s.turn();
    s.places.set_limit(3);
    s.turn();
    BOOST_TEST((s.went == std::vector{0, 1, 2}));
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_leaves_the_line) {
    scene s(1);
    s.start(0);
    asio::cancellation_signal stop;
    asio::co_spawn(
        s.io, s.take(1), asio::bind_cancellation_slot(stop.slot(), [](std::exception_ptr) {}));
    s.start(2);
    s.turn();
    stop.emit(asio::cancellation_type::terminal);
    s.turn();
    s.give_back(0);
    BOOST_TEST((s.went == std::vector{0, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
