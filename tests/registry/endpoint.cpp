#include "registry/endpoint.hpp"

#include "support/printing.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_endpoint)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using registry::endpoint;
using registry::find_endpoint;
using registry::scheme_choice;
using registry::take_scheme;

struct sample {
    const char* host;
    scheme_choice scheme;
    bool plain_http;
    const char* origin;
    bool may_fall_back;
};
std::ostream& operator<<(std::ostream& out, const sample& s) {
    return out << s.host;
}

const sample samples[] = {
    {"registry.example.com", scheme_choice::by_host, false, "https://registry.example.com", false},
    {"registry.example.com:8443", scheme_choice::by_host, false,
     "https://registry.example.com:8443", false},
    {"registry.example.com", scheme_choice::by_host, true, "http://registry.example.com", false},
    {"registry.example.com", scheme_choice::http, false, "http://registry.example.com", false},
    {"registry.example.com", scheme_choice::https, true, "https://registry.example.com", false},
    {"localhost:5000", scheme_choice::by_host, false, "https://localhost:5000", true},
    {"127.0.0.1:5000", scheme_choice::by_host, false, "https://127.0.0.1:5000", true},
    {"127.8.9.10", scheme_choice::by_host, false, "https://127.8.9.10", true},
    {"[::1]:5000", scheme_choice::by_host, false, "https://[::1]:5000", true},
    {"localhost:5000", scheme_choice::https, false, "https://localhost:5000", false},
    {"localhost:5000", scheme_choice::http, false, "http://localhost:5000", false},
    {"localhost:5000", scheme_choice::by_host, true, "http://localhost:5000", false},
    {"10.0.0.1:5000", scheme_choice::by_host, false, "https://10.0.0.1:5000", false},
    {"localhost.example.com", scheme_choice::by_host, false, "https://localhost.example.com",
     false},
};

// Only loopback hosts without a scheme of their own may end up unencrypted by themselves.
BOOST_DATA_TEST_CASE(host_and_scheme_become_an_origin, bdata::make(samples), s) {
    const auto found = find_endpoint(s.host, s.scheme, s.plain_http);
    BOOST_REQUIRE(found);
    BOOST_TEST(found->host == s.host);
    BOOST_TEST(found->at.str() == s.origin);
    BOOST_TEST(found->may_fall_back_to_http == s.may_fall_back);
}

// Docker's name for its registry is not the registry's host; messages keep the name.
BOOST_AUTO_TEST_CASE(docker_io_is_asked_at_its_api_host) {
    const auto found = find_endpoint("docker.io", scheme_choice::by_host, false);
    BOOST_REQUIRE(found);
    BOOST_TEST(found->host == "docker.io");
    BOOST_TEST(found->at.str() == "https://registry-1.docker.io");
}

// What a reference cannot hold is refused here too, before a request is made from it.
BOOST_DATA_TEST_CASE(
    malformed_host_is_refused,
    bdata::make(
        {"", "a b", "user@host", "host/path", "host:0", "host:99999", "host?x", "host#x", "a\nb"}),
    host) {
    const auto found = find_endpoint(host, scheme_choice::by_host, false);
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().code == errc::usage);
}

// The scheme goes, the rest stays as it was typed.
BOOST_AUTO_TEST_CASE(scheme_is_taken_off_the_front) {
    const auto check = [](std::string_view text, scheme_choice wanted, std::string_view rest) {
        BOOST_TEST((take_scheme(text) == wanted), text);
        BOOST_TEST(text == rest);
    };
    check("http://host/x:1", scheme_choice::http, "host/x:1");
    check("https://host/x:1", scheme_choice::https, "host/x:1");
    check("docker://host/x:1", scheme_choice::by_host, "host/x:1");
    check("host/x:1", scheme_choice::by_host, "host/x:1");
    check("ftp://host/x", scheme_choice::by_host, "ftp://host/x");
    check("http://http://x", scheme_choice::http, "http://x");
}

BOOST_AUTO_TEST_SUITE_END()
