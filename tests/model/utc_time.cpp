#include "model/utc_time.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_utc_time)

using namespace tarpon;
using std::chrono::system_clock;

BOOST_AUTO_TEST_CASE(as_rfc_3339_writes_it) {
    const auto at = system_clock::from_time_t(1'787'565'764) + std::chrono::milliseconds(17);
    BOOST_TEST(utc_time(at, time_precision::seconds) == "2026-08-24T10:02:44Z");
    BOOST_TEST(utc_time(at, time_precision::milliseconds) == "2026-08-24T10:02:44.017Z");
}

// Rounded down on both sides of 1970.
BOOST_AUTO_TEST_CASE(before_the_epoch) {
    const auto at = system_clock::from_time_t(0) - std::chrono::milliseconds(1);
    BOOST_TEST(utc_time(at, time_precision::seconds) == "1969-12-31T23:59:59Z");
    BOOST_TEST(utc_time(at, time_precision::milliseconds) == "1969-12-31T23:59:59.999Z");
}

BOOST_AUTO_TEST_SUITE_END()
