// What /proc/stat says, and what becomes of lines that say something else.
#include "model/processor_time.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_processor_time)

using tarpon::parse_processor_time;
using tarpon::processor_time;

BOOST_AUTO_TEST_CASE(idle_is_what_waits_for_work_or_a_disk) {
    const auto found = parse_processor_time("cpu  100 20 30 400 50 6 7 8 9 10");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->idle == 450u);
    BOOST_TEST(found->all == 621u); // guests are in user already
}

BOOST_AUTO_TEST_CASE(old_kernels_have_fewer_fields) {
    const auto found = parse_processor_time("cpu 1 2 3 4 5");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->all == 15u);
}

BOOST_AUTO_TEST_CASE(other_lines_say_nothing) {
    for (const char* line :
         {"", "cpu", "cpu ", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4", "cpu 1 2 x 4 5 6",
          "cpu -1 2 3 4 5", "cpu 99999999999999999999 2 3 4 5"})
        BOOST_TEST(!parse_processor_time(line).has_value(), line);
}

BOOST_AUTO_TEST_CASE(shares) {
    const processor_time before{100, 1000};
    BOOST_TEST((processor_time{150, 1100}.idle_since(before) == 0.5));
    BOOST_TEST((processor_time{100, 1100}.idle_since(before) == 0));
    // No time has passed, or the counters went back, as they may with iowait.
    BOOST_TEST((before.idle_since(before) == 1));
    BOOST_TEST((processor_time{90, 1100}.idle_since(before) == 1));
}

BOOST_AUTO_TEST_CASE(this_machine_tells) {
    const auto now = tarpon::read_processor_time();
    BOOST_REQUIRE(now.has_value());
    BOOST_TEST(now->all > now->idle);
}

BOOST_AUTO_TEST_SUITE_END()
