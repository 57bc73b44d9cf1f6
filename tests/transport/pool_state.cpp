#include "transport/pool_state.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_pool_state)

using tarpon::transport::pool_state;
using action = pool_state::action;
using namespace std::chrono_literals;

const pool_state::time_point start{1000s};

BOOST_AUTO_TEST_CASE(opens_up_to_the_bound_then_waits) {
    pool_state pool(2, 20s);
    BOOST_CHECK(pool.take() == action::open);
    BOOST_CHECK(pool.take() == action::open);
    BOOST_CHECK(pool.take() == action::wait);
    BOOST_TEST(pool.in_use() == 2u);
    pool.give_back(false, start);
    BOOST_CHECK(pool.take() == action::open);
}

BOOST_AUTO_TEST_CASE(given_back_is_reused) {
    pool_state pool(2, 20s);
    BOOST_CHECK(pool.take() == action::open);
    pool.give_back(true, start);
    BOOST_TEST(pool.idle() == 1u);
    BOOST_CHECK(pool.take() == action::reuse);
    BOOST_TEST(pool.idle() == 0u);
    BOOST_CHECK(pool.take() == action::open);
    BOOST_CHECK(pool.take() == action::wait);
}

// An idle connection counts for nothing: the bound is on what is used at a time.
BOOST_AUTO_TEST_CASE(dead_idle_connection_is_replaced) {
    pool_state pool(1, 20s);
    BOOST_CHECK(pool.take() == action::open);
    pool.give_back(true, start);
    BOOST_CHECK(pool.take() == action::reuse);
    pool.drop_granted();
    BOOST_TEST(pool.in_use() == 0u);
    BOOST_CHECK(pool.take() == action::open);
}

BOOST_AUTO_TEST_CASE(old_ones_expire_oldest_first) {
    pool_state pool(3, 20s);
    for (int i = 0; i < 3; ++i)
        BOOST_CHECK(pool.take() == action::open);
    pool.give_back(true, start);
    pool.give_back(true, start + 10s);
    pool.give_back(true, start + 15s);
    BOOST_TEST(pool.expire(start + 20s) == 0u);
    BOOST_TEST(pool.expire(start + 30s) == 1u);
    BOOST_TEST(pool.idle() == 2u);
    BOOST_TEST(pool.expire(pool_state::time_point::max()) == 2u);
    BOOST_CHECK(pool.take() == action::open);
}

BOOST_AUTO_TEST_SUITE_END()
