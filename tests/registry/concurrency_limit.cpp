// Additive increase, multiplicative decrease.
#include "registry/concurrency_limit.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_concurrency_limit)

using namespace std::chrono_literals;
using tarpon::registry::concurrency_limit;

const concurrency_limit::time_point start{1h};

BOOST_AUTO_TEST_CASE(begins_at_its_ceiling_and_never_exceeds_it) {
    concurrency_limit limit(6);
    BOOST_TEST(limit.value() == 6);
    limit.succeeded();
    BOOST_TEST(limit.value() == 6);
}

BOOST_AUTO_TEST_CASE(halves_once_for_one_overload) {
    concurrency_limit limit(8);
    // Eight that began together are refused together.
    for (int i = 0; i < 8; ++i)
        limit.pushed_back(start, start + 1s);
    BOOST_TEST(limit.value() == 4);
    limit.pushed_back(start + 2s, start + 3s);
    BOOST_TEST(limit.value() == 2);
}

BOOST_AUTO_TEST_CASE(one_is_the_least) {
    concurrency_limit limit(3);
    for (int i = 0; i < 10; ++i)
        limit.pushed_back(start + i * 2s, start + i * 2s + 1s);
    BOOST_TEST(limit.value() == 1);
}

BOOST_AUTO_TEST_CASE(grows_by_one_for_each_round) {
    concurrency_limit limit(8);
    limit.pushed_back(start, start);
    BOOST_TEST(limit.value() == 4);
    for (int wanted = 5; wanted <= 8; ++wanted) {
        for (int i = 0; i < wanted - 2; ++i)
            limit.succeeded();
        BOOST_TEST(limit.value() == wanted - 1);
        limit.succeeded();
        BOOST_TEST(limit.value() == wanted);
    }
}

BOOST_AUTO_TEST_SUITE_END()
