#include "migrate/push_rounds.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_push_rounds)

using tarpon::migration::push_rounds;

BOOST_AUTO_TEST_CASE(those_that_share_nothing_go_together) {
    push_rounds rounds;
    for (const std::size_t archive : {2u, 0u, 1u})
        rounds.place(archive, archive, {});
    for (const std::size_t archive : {0u, 1u, 2u})
        BOOST_TEST(rounds.of(archive) == 0);
    BOOST_TEST(rounds.count() == 1);
    BOOST_TEST(rounds.of(3) == -1);
}

BOOST_AUTO_TEST_CASE(the_same_image_goes_after_the_first) {
    push_rounds rounds;
    rounds.place(0, 0, {});
    rounds.place(1, 1, {0});
    rounds.place(2, 2, {1}); // another image, which 1 holds
    BOOST_TEST(rounds.of(1) == 1);
    BOOST_TEST(rounds.of(2) == 2);
    BOOST_TEST(rounds.count() == 3);
}

BOOST_AUTO_TEST_CASE(entries_of_one_file_never_go_together) {
    // x.tar, and y.tar as two targets, the first of which is x's image: it must not be put into
    // the round of the second.
    for (const bool x_first : {true, false}) {
        push_rounds rounds;
        if (x_first)
            rounds.place(0, 0, {});
        rounds.place(1, 1, x_first ? std::vector<std::size_t>{0} : std::vector<std::size_t>{});
        rounds.place(2, 1, {});
        if (!x_first)
            rounds.place(0, 0, {1});
        BOOST_TEST(rounds.of(1) != rounds.of(2));
        BOOST_TEST(rounds.of(0) != rounds.of(1));
    }
}

BOOST_AUTO_TEST_CASE(a_round_does_not_change_once_it_is_told) {
    push_rounds rounds;
    rounds.place(0, 0, {});
    rounds.place(1, 1, {});
    rounds.place(1, 1, {0});
    BOOST_TEST(rounds.of(1) == 0);
    BOOST_TEST(rounds.count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
