#include "registry/cookie_jar.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_cookie_jar)

using namespace tarpon;
using transport::http_request;
using transport::http_response;
using transport::url;

const transport::origin here{true, "reg.example.com", 443};

struct shelf {
    registry::cookie_jar jar;

    shelf() { jar.set_origin(here); }
    void set(std::string cookie, const url& asked = {here, "/v2/team/app/blobs/uploads/?x=/y"}) {
        http_response response;
        response.headers.emplace_back("set-cookie", std::move(cookie));
        jar.take(response, asked);
    }
    std::string sent(const url& to = {here, "/v2/team/app/blobs/uploads/id?state=1"}) const {
        http_request request;
        request.to = to;
        jar.add_to(request);
        return request.headers.empty() ? std::string() : request.headers.front().second;
    }
};

// What nginx, HAProxy and AWS's balancers set.
BOOST_AUTO_TEST_CASE(cookies_come_back) {
    shelf s;
    s.set("route=abc; Path=/; HttpOnly; Secure");
    s.set("AWSALB=d+/=; Expires=Tue, 08 Dec 2026 10:00:00 GMT; Path=/");
    BOOST_TEST(s.sent() == "route=abc; AWSALB=d+/=");
    s.set("route=other; Path=/");
    BOOST_TEST(s.sent() == "AWSALB=d+/=; route=other");
    s.set("route=; Max-Age=0; Path=/");
    BOOST_TEST(s.sent() == "AWSALB=d+/=");
}

// Another scheme, host or port is another origin, whatever Domain says.
BOOST_AUTO_TEST_CASE(cookies_stay_at_their_origin) {
    const transport::origin others[] = {
        {false, "reg.example.com", 443},
        {true, "reg.example.com", 5000},
        {true, "evil.example.com", 443}};
    shelf s;
    s.set("route=MARKER; Path=/; Domain=example.com");
    for (const transport::origin& other : others) {
        BOOST_TEST(s.sent({other, "/v2/"}).empty());
        s.set("planted=x; Path=/; Domain=reg.example.com", {other, "/v2/"});
    }
    BOOST_TEST(s.sent() == "route=MARKER");
    s.jar.set_origin(others[1]);
    BOOST_TEST(s.sent({others[1], "/v2/"}).empty());
    BOOST_TEST(s.jar.size() == 0u);
}

BOOST_AUTO_TEST_CASE(secure_cookies_need_tls) {
    const transport::origin plain{false, "127.0.0.1", 5000};
    shelf s;
    s.jar.set_origin(plain);
    s.set("route=abc; Path=/; Secure", {plain, "/v2/"});
    BOOST_TEST(s.sent({plain, "/v2/"}).empty());
}

BOOST_AUTO_TEST_CASE(paths_are_heeded) {
    shelf s;
    s.set("a=1"); // for the folder of the request
    s.set("b=2; Path=/v2/other");
    s.set("c=3; Path=relative");
    BOOST_TEST(s.sent() == "a=1; c=3");
    BOOST_TEST(s.sent({here, "/v2/other/blobs/x"}) == "b=2");
    BOOST_TEST(s.sent({here, "/v2/others"}).empty());
    BOOST_TEST(s.sent({here, "/v2/"}).empty());
}

BOOST_AUTO_TEST_CASE(malformed_cookies_are_ignored) {
    shelf s;
    for (const char* bad :
         {"", "novalue", "=x", "a b=c", "a=b\tc", "a=b\r\nX: y", "a=\x80", "; Path=/", " = "})
        s.set(bad);
    s.set(std::string("a=b\0c", 5));
    BOOST_TEST(s.jar.size() == 0u);
}

BOOST_AUTO_TEST_CASE(number_and_size_are_bounded) {
    shelf s;
    for (std::size_t i = 0; i < limits::cookies_max + 5; ++i)
        s.set(concat("c", i, "=x; Path=/"));
    BOOST_TEST(s.jar.size() == limits::cookies_max);
    BOOST_TEST(s.sent().starts_with("c5=x; "));
    s.set(concat("large=", std::string(limits::cookie_bytes_max, 'x'), "; Path=/"));
    BOOST_TEST(s.sent().find("large") == std::string::npos);
    for (int i = 0; i < 5; ++i)
        s.set(concat("l", i, "=", std::string(limits::cookie_bytes_max - 20, 'x'), "; Path=/"));
    BOOST_TEST(s.sent().size() <= limits::cookies_bytes_max);
    BOOST_TEST(s.sent().find("l4=") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
