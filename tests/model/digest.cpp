#include "model/hasher.hpp"

#include <tarpon/digest.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_digest)

using tarpon::digest_of;
using tarpon_digest = tarpon::digest;

const std::string hex64(64, 'a');

BOOST_AUTO_TEST_CASE(parse_registered_accepted) {
    const auto parsed = tarpon_digest::parse("sha256:" + hex64);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->hex() == hex64);
    BOOST_TEST(parsed->brief() == "aaaaaaaaaaaa");
    BOOST_TEST(parsed->algo_name() == "sha256");
    BOOST_TEST(tarpon_digest::parse("sha512:" + hex64 + hex64).has_value());
}

// CVE-2024-3727: an unparsed digest in a URL or a path is a way out of it.
BOOST_AUTO_TEST_CASE(parse_anything_else_refused) {
    for (const std::string& text :
         {std::string(), std::string("sha256:"), "sha256:" + hex64 + "a",
          "sha256:" + hex64.substr(1), "SHA256:" + hex64, "sha256:" + std::string(64, 'A'),
          std::string("sha256:../../../etc/passwd"), "sha512:" + hex64, "sha1:" + hex64.substr(24),
          hex64, "sha256:" + hex64.substr(1) + "\n", "sha256:" + std::string(10'000'000, 'a'),
          "sha256:" + hex64.substr(1) + std::string(1, '\0')})
        BOOST_TEST(!tarpon_digest::parse(text));
}

// Known answers: the digest of the empty string, and of the OCI empty descriptor.
BOOST_AUTO_TEST_CASE(digest_of_known_answers) {
    BOOST_TEST(
        digest_of("").str()
        == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(
        digest_of("{}").str()
        == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    BOOST_TEST(
        digest_of("", tarpon_digest::algorithm::sha512).hex().substr(0, 16) == "cf83e1357eefb8bd");
}

BOOST_AUTO_TEST_SUITE_END()
