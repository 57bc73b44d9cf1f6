#include "migrate/claims.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_claims)

using tarpon::migration::reference_claims;
using answer = reference_claims::answer;

BOOST_AUTO_TEST_CASE(one_archive_a_reference) {
    reference_claims claims;
    BOOST_TEST((claims.claim("a:1", 0, "x") == answer::first));
    BOOST_TEST((claims.claim("a:1", 0, "x") == answer::first)); // asked twice
    BOOST_TEST((claims.claim("a:2", 1, "x") == answer::first));
    BOOST_TEST(!claims.rival_of("a:1", 0, "x"));
    BOOST_TEST(!claims.rival_of("nobody's", 0, "x"));
}

BOOST_AUTO_TEST_CASE(the_same_image_is_no_contest) {
    reference_claims claims;
    claims.claim("a:1", 0, "x");
    BOOST_TEST((claims.claim("a:1", 1, "x") == answer::again));
    BOOST_TEST(!claims.rival_of("a:1", 0, "x"));
    BOOST_TEST(!claims.rival_of("a:1", 1, "x"));
}

BOOST_AUTO_TEST_CASE(another_image_is_one_for_both) {
    reference_claims claims;
    claims.claim("a:1", 3, "x");
    BOOST_TEST((claims.claim("a:1", 5, "y") == answer::contested));
    BOOST_TEST((claims.rival_of("a:1", 3, "x") == std::optional<std::size_t>(5)));
    BOOST_TEST((claims.rival_of("a:1", 5, "y") == std::optional<std::size_t>(3)));
    BOOST_TEST((claims.claim("a:1", 3, "x") == answer::contested));
    BOOST_TEST((claims.claim("a:1", 6, "x") == answer::contested)); // it stays contested
}

// The one that is named is another image, not the same one in another archive.
BOOST_AUTO_TEST_CASE(the_rival_is_another_image) {
    reference_claims claims;
    claims.claim("a:1", 0, "x");
    claims.claim("a:1", 1, "x");
    claims.claim("a:1", 2, "y");
    BOOST_TEST((claims.rival_of("a:1", 0, "x") == std::optional<std::size_t>(2)));
    BOOST_TEST((claims.rival_of("a:1", 1, "x") == std::optional<std::size_t>(2)));
    BOOST_TEST((claims.rival_of("a:1", 2, "y") == std::optional<std::size_t>(0)));
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_not_the_same) {
    reference_claims claims;
    claims.claim("a:1", 0, "");
    BOOST_TEST((claims.claim("a:1", 1, "") == answer::contested));
}

BOOST_AUTO_TEST_SUITE_END()
