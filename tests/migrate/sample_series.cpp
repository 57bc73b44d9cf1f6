#include "migrate/sample_series.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_sample_series)

using tarpon::migrate_sample;
using tarpon::migration::sample_series;

BOOST_AUTO_TEST_CASE(a_few_points_are_kept_as_they_are) {
    sample_series series;
    for (int i = 0; i < 10; ++i)
        series.add({i * 0.25, static_cast<std::uint64_t>(i), 0});
    const auto points = series.finish({2.5, 10, 1});
    BOOST_REQUIRE(points.size() == 11u);
    BOOST_TEST(points[3].bytes_sent == 3u);
    BOOST_TEST(points.back().images_done == 1u);
}

BOOST_AUTO_TEST_CASE(many_are_thinned_out_evenly) {
    sample_series series(16);
    for (int i = 0; i < 10'000; ++i)
        series.add({i * 0.2, static_cast<std::uint64_t>(i), 0});
    const auto points = series.finish({2000, 10'000, 0});
    BOOST_TEST(points.size() <= 17u);
    BOOST_TEST(points.size() >= 8u);
    BOOST_TEST(points.front().seconds == 0);
    BOOST_TEST(points.back().seconds == 2000);
    for (std::size_t i = 1; i < points.size(); ++i)
        BOOST_TEST(points[i].seconds > points[i - 1].seconds);
    // No stretch is left out: the longest is at most twice the step.
    for (std::size_t i = 2; i + 1 < points.size(); ++i)
        BOOST_TEST(
            points[i].seconds - points[i - 1].seconds
            <= 2.1 * (points[1].seconds - points[0].seconds) + 0.5);
}

BOOST_AUTO_TEST_CASE(the_last_one_always_counts) {
    sample_series series;
    series.add({1, 1, 1});
    const auto points = series.finish({1, 2, 2});
    BOOST_REQUIRE(points.size() == 1u);
    BOOST_TEST(points[0].bytes_sent == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
