// What a server refuses to start with, and what it warns of.
#include "server/serve_checks.hpp"

#include "support/printing.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_serve_checks)

using namespace tarpon;
using namespace tarpon::server;

/// "", the warnings, or the error with its hint.
std::string outcome(const serve_options& options) {
    std::string text;
    try {
        for (const std::string& warning : check(options, parse_listen(options.listen)))
            text += warning;
    } catch (const error& e) {
        BOOST_TEST((e.code() == errc::usage));
        text = e.message() + " | " + e.hint();
    }
    return text;
}

BOOST_AUTO_TEST_CASE(beyond_loopback_only_with_a_login_or_on_purpose) {
    for (const char* address : {"0.0.0.0:0", "[::]:0", "192.168.1.1:80", "[::ffff:127.0.0.1]:1"}) {
        serve_options options;
        options.listen = address;
        BOOST_TEST(outcome(options).find("nobody has to log in") != std::string::npos, address);
        BOOST_TEST(outcome(options).find("--htpasswd FILE") != std::string::npos);
        options.allow_anonymous = true;
        BOOST_TEST(outcome(options) == "");
        options.htpasswd = "users";
        BOOST_TEST(outcome(options).find("contradict each other") != std::string::npos);
        options.allow_anonymous = false;
        BOOST_TEST(outcome(options).find("in clear") != std::string::npos);
        options.tls_cert = "c";
        BOOST_TEST(outcome(options).find("go together") != std::string::npos);
        options.tls_key = "k";
        BOOST_TEST(outcome(options) == "");
    }
    serve_options here;
    for (const char* address : {"127.0.0.1:0", "localhost:1", "[::1]:0", "127.9.9.9:0"}) {
        here.listen = address;
        BOOST_TEST(outcome(here) == "", address);
    }
    // Clear text on loopback is nobody's business.
    here.htpasswd = "users";
    BOOST_TEST(outcome(here) == "");
}

BOOST_AUTO_TEST_CASE(networks_that_may_push) {
    serve_options options;
    options.allow_push = {"10.0.0.0/8", "2001:db8::/32", "127.0.0.1"};
    BOOST_TEST(outcome(options) == "");
    for (const char* wrong : {"", "10.0.0.0/33", "10.0.0", "example.com", "::1/129", "1.2.3.4/"}) {
        options.allow_push = {wrong};
        BOOST_TEST(outcome(options).find("is no network") != std::string::npos, wrong);
    }
}

BOOST_AUTO_TEST_SUITE_END()
