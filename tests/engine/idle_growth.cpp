// The number grows where the processors have nothing to do, and only while somebody wants it to.
#include "engine/idle_growth.hpp"

#include "support/idle_machine.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

BOOST_AUTO_TEST_SUITE(test_idle_growth)

using namespace tarpon;
using engine::idle_growth;

struct scene : test::idle_machine {
    std::vector<int> grown;
    idle_growth growth;

    scene(int first, int most)
        : growth(
            io.get_executor(),
            first,
            most,
            [this](int n) { grown.push_back(n); },
            [this] { return look(); }) {}
};

BOOST_AUTO_TEST_CASE(it_grows_by_its_share_of_idle_time) {
    scene s(2, 4);
    s.growth.begin();
    s.idle_part = 29;
    s.run_until_looks(3);
    BOOST_TEST(s.growth.now() == 2);
    s.idle_part = 30;
    s.io.run(); // to the most; then nobody looks any more
    BOOST_TEST((s.grown == std::vector{3, 4}));
    BOOST_TEST(s.growth.now() == 4);
}

BOOST_AUTO_TEST_CASE(it_rests_after_its_end) {
    scene s(2, 4);
    s.idle_part = 100;
    s.growth.begin();
    s.growth.end();
    s.io.run();
    BOOST_TEST(s.growth.now() == 2);
}

BOOST_AUTO_TEST_CASE(a_machine_that_does_not_tell_is_taken_for_an_idle_one) {
    scene s(2, 4);
    s.time = std::nullopt;
    s.growth.begin();
    BOOST_TEST((s.grown == std::vector{4}));
}

BOOST_AUTO_TEST_SUITE_END()
