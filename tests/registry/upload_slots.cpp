// The host's word on how many uploads it takes holds for who comes next.
#include "registry/upload_slots.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <list>

BOOST_AUTO_TEST_SUITE(test_upload_slots)

namespace asio = boost::asio;
using tarpon::registry::upload_slots;

using leases = std::list<tarpon::async::slots::lease>;

asio::awaitable<void> take(upload_slots& slots, leases& into) {
    auto mine = co_await slots.acquire();
    into.push_back(std::move(mine));
}

/// How many of `count` get a slot at once; all of them get one in the end.
std::size_t granted(asio::io_context& io, upload_slots& slots, int count) {
    leases held;
    for (int i = 0; i < count; ++i)
        asio::co_spawn(io, take(slots, held), [](std::exception_ptr) {});
    io.restart();
    io.poll();
    const std::size_t at_once = held.size();
    for (int i = 0; i < count; ++i) {
        held.clear();
        io.restart();
        io.poll();
    }
    return at_once;
}

BOOST_AUTO_TEST_CASE(as_many_as_the_limit_says) {
    asio::io_context io(1);
    upload_slots slots(io.get_executor(), 4);
    BOOST_TEST(granted(io, slots, 6) == 4u);
    slots.pushed_back(std::chrono::steady_clock::now());
    BOOST_TEST(granted(io, slots, 6) == 2u);
    for (int i = 0; i < 2; ++i)
        slots.succeeded();
    BOOST_TEST(granted(io, slots, 6) == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
