// When slices of a limited rate are due.
#include "transport/rate_limiter.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_rate_limiter)

using namespace std::chrono_literals;
using tarpon::transport::rate_plan;
namespace limits = tarpon::limits;

const rate_plan::time_point start{1h};

BOOST_AUTO_TEST_CASE(slices_are_a_tenth_of_a_second_within_bounds) {
    BOOST_TEST(rate_plan(100'000).slice_bytes() == 10'000u);
    BOOST_TEST(rate_plan(5).slice_bytes() == 1u);
    BOOST_TEST(rate_plan(1'000'000'000).slice_bytes() == limits::rate_slice_bytes_max);
}

BOOST_AUTO_TEST_CASE(the_first_slice_goes_at_once_and_the_next_when_it_is_paid_for) {
    rate_plan plan(100'000);
    BOOST_TEST((plan.take(10'000, start) == start));
    BOOST_TEST((plan.take(10'000, start) == start + 100ms));
    BOOST_TEST((plan.take(5'000, start + 1ms) == start + 200ms));
    BOOST_TEST((plan.take(1, start + 2ms) == start + 250ms));
}

BOOST_AUTO_TEST_CASE(a_pause_is_not_made_up_for) {
    rate_plan plan(100'000);
    (void)plan.take(10'000, start);
    BOOST_TEST((plan.take(10'000, start + 10s) == start + 10s));
    BOOST_TEST((plan.take(10'000, start + 10s) == start + 10s + 100ms));
}

BOOST_AUTO_TEST_CASE(many_takers_never_exceed_the_rate) {
    rate_plan plan(1'000'000);
    rate_plan::time_point last = start;
    for (int i = 0; i < 100; ++i)
        last = plan.take(50'000, start);
    // 99 slices before the last one: 4.95 s.
    BOOST_TEST((last >= start + 4949ms));
    BOOST_TEST((last <= start + 4951ms));
}

BOOST_AUTO_TEST_SUITE_END()
