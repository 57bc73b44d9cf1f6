#include "server/store_gate.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_store_gate)

using namespace tarpon;
using namespace tarpon::server;

const digest one = digest_of("one"), two = digest_of("two");

BOOST_AUTO_TEST_CASE(watch_knows_what_was_relied_on_since_it_began) {
    store_gate gate;
    gate.rely_on("a", two);
    {
        const store_gate::watch since(gate);
        BOOST_TEST(!since.relied_on("a", two));
        gate.rely_on("a", one);
        BOOST_TEST(since.relied_on("a", one));
        BOOST_TEST(!since.relied_on("b", one));
        BOOST_TEST(since.relied_on(one));
        BOOST_TEST(!since.relied_on(two));
    }
    const store_gate::watch since(gate);
    BOOST_TEST(!since.relied_on(one));
}

// Rather keep everything than forget something.
BOOST_AUTO_TEST_CASE(more_than_can_be_remembered_counts_as_everything) {
    store_gate gate;
    const store_gate::watch since(gate);
    for (std::size_t i = 0; i <= limits::collector_memory_max; ++i)
        gate.rely_on(std::to_string(i), one);
    BOOST_TEST(since.relied_on("never named", two));
}

// A watch begins when all who were inside have finished what they write.
BOOST_AUTO_TEST_CASE(watch_waits_for_those_inside) {
    store_gate gate;
    std::atomic<bool> written = false, seen = false;
    auto inside = gate.enter();
    std::thread collector([&] {
        const store_gate::watch since(gate);
        seen = written.load();
    });
    std::this_thread::yield();
    written = true;
    inside.unlock();
    collector.join();
    BOOST_TEST(seen);
}

// Pushes that always overlap must not keep a collection waiting for ever.
BOOST_AUTO_TEST_CASE(who_wants_to_be_alone_gets_there) {
    store_gate gate;
    std::atomic<bool> over = false;
    std::atomic<int> inside = 0, clashes = 0;
    std::vector<std::thread> pushes;
    for (int i = 0; i < 4; ++i)
        pushes.emplace_back([&] {
            while (!over) {
                const auto pass = gate.enter();
                ++inside;
                std::this_thread::yield();
                --inside;
            }
        });
    for (int turn = 0; turn < 200; ++turn) {
        const auto alone = gate.alone();
        clashes += inside;
    }
    over = true;
    for (std::thread& push : pushes)
        push.join();
    BOOST_TEST(clashes == 0);
}

BOOST_AUTO_TEST_SUITE_END()
