// Large blobs side by side: few while the machine is busy, more when it is not.
#include "engine/upload_gate.hpp"

#include "support/idle_machine.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_upload_gate)

namespace asio = boost::asio;
using namespace tarpon;
using engine::upload_gate;

/// Uploads that are begun and do not end before the scene does.
struct scene : test::idle_machine {
    upload_gate gate;
    std::list<async::slots::lease> begun;
    std::vector<std::uint64_t> sizes; ///< of those, in their order

    scene(int first, int most)
        : gate(io.get_executor(), first, most, [this] { return look(); }) {}

    ~scene() {
        while (!begun.empty()) {
            begun.clear();
            turn();
        }
    }

    asio::awaitable<void> upload(std::uint64_t bytes = 0) {
        auto mine = co_await gate.acquire(bytes);
        sizes.push_back(bytes);
        begun.push_back(std::move(mine));
    }

    void start(int uploads) {
        for (int i = 0; i < uploads; ++i)
            asio::co_spawn(io, upload(), [](std::exception_ptr) {});
        turn();
    }

    void turn() {
        io.restart();
        io.poll();
    }

    void run_until_looks(int wanted) {
        idle_machine::run_until_looks(wanted);
        turn();
    }
};

BOOST_AUTO_TEST_CASE(a_busy_machine_gets_no_more) {
    scene s(2, 6);
    s.idle_part = 29;
    s.start(5);
    BOOST_TEST(s.begun.size() == 2u);
    s.run_until_looks(4);
    BOOST_TEST(s.begun.size() == 2u);
    s.begun.pop_front();
    s.turn();
    BOOST_TEST(s.begun.size() == 2u);
}

BOOST_AUTO_TEST_CASE(each_look_at_an_idle_machine_is_one_upload_more) {
    scene s(2, 4);
    s.idle_part = 30;
    s.start(5);
    s.run_until_looks(2);
    BOOST_TEST(s.begun.size() == 3u);
    s.run_until_looks(3);
    BOOST_TEST(s.begun.size() == 4u);
    // The fifth waits for one that ends, and nobody looks any more.
    s.turn();
    BOOST_TEST(s.looks == 3);
    s.begun.pop_front();
    s.turn();
    BOOST_TEST(s.begun.size() == 4u);
}

BOOST_AUTO_TEST_CASE(nobody_looks_while_nobody_waits) {
    scene s(2, 4);
    s.start(2);
    s.io.run();
    BOOST_TEST(s.looks == 0);
    BOOST_TEST(s.begun.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_machine_that_does_not_tell_is_not_waited_for) {
    scene s(2, 4);
    s.time = std::nullopt;
    s.start(5);
    BOOST_TEST(s.begun.size() == 4u);
}

BOOST_AUTO_TEST_CASE(never_more_than_jobs) {
    scene s(9, 1);
    s.start(3);
    BOOST_TEST(s.begun.size() == 1u);
}

BOOST_AUTO_TEST_CASE(of_those_that_wait_the_largest_goes_first) {
    scene s(1, 1);
    for (const std::uint64_t size : {1u, 5u, 9u, 7u})
        asio::co_spawn(s.io, s.upload(size), [](std::exception_ptr) {});
    for (int i = 0; i < 3; ++i) {
        s.turn();
        s.begun.pop_front();
    }
    s.turn();
    BOOST_TEST((s.sizes == std::vector<std::uint64_t>{1, 9, 7, 5}));
}

// The first two may be there already. Nobody who comes later takes their places, or the one that
// they did not need, as long as the third does not know whether it needs it.
BOOST_AUTO_TEST_CASE(a_reservation_keeps_the_order) {
    scene s(2, 2);
    std::optional<upload_gate::reservation> first(s.gate);
    const std::optional<upload_gate::reservation> second(s.gate);
    std::optional<upload_gate::reservation> third(s.gate);
    BOOST_TEST(!third->take().has_value());
    first.reset();
    {
        upload_gate::reservation fourth(s.gate);
        BOOST_TEST(!fourth.take().has_value());
    }
    third.reset();
    upload_gate::reservation fifth(s.gate);
    BOOST_TEST(fifth.take().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
