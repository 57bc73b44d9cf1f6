// Stalls are allowed as long as a window, drips are not; back-pressure is nobody's fault.
#include "server/minimum_rate.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_minimum_rate)

using std::chrono::seconds;
using tarpon::server::minimum_rate;

// A producer that thinks for most of the window and then goes on has all of its time again.
BOOST_AUTO_TEST_CASE(enough_bytes_begin_a_new_window) {
    minimum_rate rate(1000, seconds(120));
    BOOST_TEST((rate.allowed() == seconds(120)));
    rate.note(0, seconds(100));
    BOOST_TEST((rate.allowed() == seconds(20)));
    rate.note(400, seconds(10));
    BOOST_TEST((rate.allowed() == seconds(10)));
    rate.note(600, seconds(5));
    BOOST_TEST((rate.allowed() == seconds(120)));
}

// A byte just before each time-out: the window ends all the same.
BOOST_AUTO_TEST_CASE(drips_use_the_window_up) {
    minimum_rate rate(1000, seconds(120));
    int waits = 0;
    for (; rate.allowed() > seconds(0) && waits < 10'000; ++waits)
        rate.note(1, std::min<minimum_rate::duration>(rate.allowed(), seconds(30)));
    BOOST_TEST(waits == 4);
}

BOOST_AUTO_TEST_CASE(bytes_that_were_there_cost_no_time) {
    minimum_rate rate(1000, seconds(120));
    for (int i = 0; i < 10'000; ++i)
        rate.note(1, seconds(0));
    BOOST_TEST((rate.allowed() == seconds(120)));
}

BOOST_AUTO_TEST_SUITE_END()
