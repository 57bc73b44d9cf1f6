// Wrong passwords are counted, forgiven one by one, and forgotten before memory runs out.
#include "server/failure_limit.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_failure_limit)

using namespace tarpon::server;
using namespace std::chrono_literals;

const failure_limit::time_point start{1000h};

BOOST_AUTO_TEST_CASE(a_burst_and_then_one_in_each_interval) {
    failure_limit limit(3, 20s, 10);
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(limit.wait_for("a", start).count() == 0);
        limit.count("a", start);
    }
    BOOST_TEST(limit.wait_for("a", start).count() == 20);
    BOOST_TEST(limit.wait_for("a", start + 19500ms).count() == 1);
    BOOST_TEST(limit.wait_for("a", start + 20s).count() == 0);
    BOOST_TEST(limit.wait_for("b", start).count() == 0);
    limit.count("a", start + 20s);
    BOOST_TEST(limit.wait_for("a", start + 20s).count() == 20);
    // Quiet for long: the whole burst again, and no more than that.
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST(limit.wait_for("a", start + 1h).count() == 0);
        limit.count("a", start + 1h);
    }
    BOOST_TEST(limit.wait_for("a", start + 1h).count() == 20);
}

BOOST_AUTO_TEST_CASE(what_turned_out_right_does_not_count) {
    failure_limit limit(1, 20s, 10);
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(limit.wait_for("a", start).count() == 0);
        limit.count("a", start);
        BOOST_TEST(limit.wait_for("a", start).count() == 20);
        limit.take_back("a");
    }
    limit.take_back("never heard of");
    BOOST_TEST(limit.wait_for("never heard of", start).count() == 0);
}

BOOST_AUTO_TEST_CASE(the_table_is_bounded) {
    failure_limit limit(1, 20s, 3);
    for (const char* name : {"a", "b", "c"})
        limit.count(name, start);
    limit.count("a", start); // again: now "b" failed longest ago
    limit.count("d", start);
    BOOST_TEST(limit.names() == 3u);
    BOOST_TEST(limit.wait_for("b", start).count() == 0);
    for (const char* name : {"a", "c", "d"})
        BOOST_TEST(limit.wait_for(name, start).count() > 0, name);
}

BOOST_AUTO_TEST_SUITE_END()
