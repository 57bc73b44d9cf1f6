// A right password is known for a while, to its user and client only, and until the file changes.
#include "server/known_logins.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_known_logins)

using namespace tarpon;
using namespace tarpon::server;
using namespace std::chrono_literals;

const known_logins::time_point start{1000h};
const std::string ann = "ann", bob = "bob", here = "10.0.0.1", there = "10.0.0.2";
const std::string apple = "apple", pear = "pear", hash = "$2y$04$one", other_hash = "$2y$04$two";

BOOST_AUTO_TEST_CASE(only_the_very_same_login) {
    known_logins known(10);
    BOOST_TEST(!known.knows({ann, here, apple, hash}, start));
    known.remember({ann, here, apple, hash}, start);
    BOOST_TEST(known.knows({ann, here, apple, hash}, start));
    BOOST_TEST(!known.knows({bob, here, apple, hash}, start));
    BOOST_TEST(!known.knows({ann, there, apple, hash}, start));
    BOOST_TEST(!known.knows({ann, here, apple, other_hash}, start)); // the file changed
    BOOST_TEST(known.knows({ann, here, apple, hash}, start + limits::password_memory - 1s));
    BOOST_TEST(!known.knows({ann, here, apple, hash}, start + limits::password_memory));
}

// It answers at once, and must not be asked for passwords as often as somebody likes.
BOOST_AUTO_TEST_CASE(a_few_wrong_guesses_put_it_out) {
    known_logins known(10);
    known.remember({ann, here, apple, hash}, start);
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(!known.knows({ann, here, pear, hash}, start));
    BOOST_TEST(!known.knows({ann, here, apple, hash}, start));
    BOOST_TEST(known.is_known_place(ann, here, start));
    known.remember({ann, here, apple, hash}, start);
    BOOST_TEST(known.knows({ann, here, apple, hash}, start));
}

BOOST_AUTO_TEST_CASE(places_are_known_longer) {
    known_logins known(10);
    known.remember({ann, here, apple, hash}, start);
    BOOST_TEST(known.is_known_place(ann, here, start + limits::known_place_memory - 1s));
    BOOST_TEST(!known.is_known_place(ann, here, start + limits::known_place_memory));
    BOOST_TEST(!known.is_known_place(ann, there, start));
    BOOST_TEST(!known.is_known_place(bob, here, start));
}

BOOST_AUTO_TEST_CASE(the_oldest_goes_first) {
    known_logins known(2);
    known.remember({ann, here, apple, hash}, start);
    known.remember({bob, here, apple, hash}, start);
    known.remember({ann, here, apple, hash}, start + 1s);
    known.remember({ann, there, apple, hash}, start + 2s);
    BOOST_TEST(known.places() == 2u);
    BOOST_TEST(known.knows({ann, here, apple, hash}, start + 2s));
    BOOST_TEST(!known.knows({bob, here, apple, hash}, start + 2s));
}

BOOST_AUTO_TEST_SUITE_END()
