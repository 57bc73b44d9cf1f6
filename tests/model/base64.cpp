#include "model/base64.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_base64)

using namespace tarpon;

// Every length modulo three comes back as it went in.
BOOST_AUTO_TEST_CASE(round_trip_any_length) {
    std::string bytes;
    for (int i = 0; i < 70; ++i) {
        BOOST_TEST(base64_decode(base64_encode(bytes)).value() == bytes);
        bytes.push_back(static_cast<char>(i * 7));
    }
}

// Some writers leave the padding out.
BOOST_AUTO_TEST_CASE(decode_without_padding) {
    BOOST_TEST(base64_decode("dTpw").value() == "u:p");
    BOOST_TEST(base64_decode("dQ").value() == "u");
    BOOST_TEST(base64_decode("dQ==").value() == "u");
    BOOST_TEST(base64_decode("").value().empty());
}

BOOST_AUTO_TEST_CASE(decode_foreign_character_refused) {
    BOOST_TEST(!base64_decode("dT pw"));
    BOOST_TEST(!base64_decode("d"));
    BOOST_TEST(!base64_decode("dT-w"));
    BOOST_TEST(!base64_decode("dQ==dQ=="));
}

BOOST_AUTO_TEST_SUITE_END()
