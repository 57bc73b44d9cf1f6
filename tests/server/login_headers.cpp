// Authorization and Cookie headers of strangers.
#include "server/login_headers.hpp"

#include "model/base64.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_login_headers)

using namespace tarpon;
using namespace tarpon::server;

std::string basic(const std::string& plain) {
    return "Basic " + base64_encode(plain);
}

BOOST_AUTO_TEST_CASE(basic_logins) {
    for (const char* scheme : {"Basic ", "basic ", "BASIC   "}) {
        const auto given = basic_login(scheme + base64_encode("ann:a:b c"));
        BOOST_REQUIRE(given);
        BOOST_TEST(given->username == "ann");
        BOOST_TEST(given->password == "a:b c");
    }
    BOOST_TEST(basic_login(basic("ann:"))->password.empty());
    BOOST_TEST(basic_login(basic("Zoë:ü"))->username == "Zoë");
    const std::string name(limits::user_name_bytes_max, 'n');
    const std::string password(limits::password_bytes_max, 'p');
    BOOST_TEST(basic_login(basic(name + ":" + password))->password == password);
    BOOST_TEST(!basic_login(basic(name + "n:" + password)));
    BOOST_TEST(!basic_login(basic(name + ":p" + password)));
}

BOOST_AUTO_TEST_CASE(what_is_no_basic_login) {
    for (const std::string& header :
         {std::string(), std::string("Basic"), std::string("Basic "), std::string("Bearer abc"),
          std::string("Basic !!!"), "Basic" + base64_encode("a:b"), basic("nocolon"), basic(":b"),
          basic("a\nb:c"), basic(std::string("a:b\0c", 5)), basic(std::string("a\0b:c", 5)),
          basic("a:b") + " x", "Basic " + std::string(100'000, 'A')})
        BOOST_TEST(!basic_login(header), header.substr(0, 100));
}

BOOST_AUTO_TEST_CASE(cookies) {
    BOOST_TEST(cookie_value("s=1", "s").value() == "1");
    BOOST_TEST(cookie_value("a=b; s=1; c=d", "s").value() == "1");
    BOOST_TEST(cookie_value("a=b;s=1", "s").value() == "1");
    BOOST_TEST(cookie_value("s=", "s").value() == "");
    BOOST_TEST(cookie_value("s=a=b", "s").value() == "a=b");
    for (const char* header : {"", "s", "S=1", "ss=1", "x=s=1", ";;;", "s=1; s=2", "s=1;s=1"})
        BOOST_TEST(!cookie_value(header, "s"), header);
}

BOOST_AUTO_TEST_SUITE_END()
