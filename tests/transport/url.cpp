#include "transport/url.hpp"

#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_url)

using namespace tarpon;
using namespace tarpon::transport;

std::string parsed(std::string_view text) {
    const auto url = parse_url(text);
    return url ? url->at.str() + " " + url->target : "refused";
}

BOOST_AUTO_TEST_CASE(absolute_urls_are_taken_apart) {
    BOOST_TEST(parsed("https://Reg.Example.com/v2/") == "https://reg.example.com /v2/");
    BOOST_TEST(parsed("http://127.0.0.1:5000") == "http://127.0.0.1:5000 /");
    BOOST_TEST(parsed("HTTPS://h:443/x?y=1&z=%2F") == "https://h /x?y=1&z=%2F");
    BOOST_TEST(parsed("https://[::1]:8443/a") == "https://[::1]:8443 /a");
    BOOST_TEST(parsed("http://h:80/") == "http://h /");
    BOOST_TEST(parsed("https://h?q") == "https://h /?q");
    // a fragment is for browsers
    BOOST_TEST(parsed("https://h/a#frag") == "https://h /a");
}

// Userinfo would be a credential of somebody's choice; controls end a request line early.
BOOST_AUTO_TEST_CASE(anything_else_refused) {
    for (const std::string& text :
         {std::string(), std::string("/v2/"), std::string("ftp://h/"), std::string("https://"),
          std::string("https:///x"), std::string("https://u:p@h/"), std::string("https://u@h/"),
          std::string("https://h:0/"), std::string("https://h:70000/"),
          std::string("https://h/a b"), std::string("https://h/\r\nX: y"),
          std::string("https://h/\0", 11), std::string("https://h%0d%0a/"),
          std::string("https://h/\x7f"),
          "https://h/" + std::string(limits::location_bytes_max, 'a')})
        BOOST_TEST(parsed(text) == "refused", text.substr(0, 60));
}

// Found by fuzz_url: unescaped, these would print as URLs of other hosts.
BOOST_AUTO_TEST_CASE(escapes_in_a_host_refused) {
    for (const char* text :
         {"https://good.example%2Fevil.example/", "https://a%40b/", "https://a%3A8443/",
          "https://a%3Fb/", "https://a%23b/", "https://[fe80::1%25eth0]/", "https://a,b/"})
        BOOST_TEST(parsed(text) == "refused", text);
    BOOST_TEST(parsed("https://my_registry.local:5000/") == "https://my_registry.local:5000 /");
}

BOOST_AUTO_TEST_CASE(failures_are_the_registrys) {
    BOOST_TEST(parse_url("ftp://h/").error().code == errc::registry_protocol);
    BOOST_TEST(parse_host_port("a b", true).error().code == errc::usage);
    BOOST_TEST(parse_host_port("h/path", true).error().code == errc::usage);
    BOOST_TEST(parse_host_port("u@h", true).error().code == errc::usage);
    BOOST_TEST(parse_host_port("h#x", true).error().code == errc::usage);
}

// Boost.URL takes what is over 16 bits for another port.
BOOST_AUTO_TEST_CASE(impossible_port_refused) {
    for (const char* text :
         {"http://h:0/", "http://h:65536/", "http://h:99999/", "http://h:4294967376/",
          "http://h:99999999999999999999999/"})
        BOOST_TEST(parsed(text) == "refused", text);
    BOOST_TEST(parse_url("http://h:65535/")->at.port == 65535);
    BOOST_TEST(parse_url("http://h:/")->at.port == 80);
}

BOOST_AUTO_TEST_CASE(default_port_is_left_out_of_host) {
    BOOST_TEST(parse_host_port("h", true)->host_header() == "h");
    BOOST_TEST(parse_host_port("h:443", true)->host_header() == "h");
    BOOST_TEST(parse_host_port("h:443", false)->host_header() == "h:443");
    BOOST_TEST(parse_host_port("h:80", false)->host_header() == "h");
    BOOST_TEST(parse_host_port("[::1]:5000", true)->host_header() == "[::1]:5000");
    BOOST_TEST(parse_host_port("[::1]", false)->host == "::1");
}

BOOST_AUTO_TEST_CASE(origin_is_scheme_host_and_port) {
    const auto at = [](std::string_view text) {
        return parse_url(text)->at;
    };
    BOOST_CHECK(at("https://h/") == at("https://H:443/x"));
    BOOST_CHECK(at("https://h/") != at("http://h/"));
    BOOST_CHECK(at("https://h/") != at("https://h:444/"));
    BOOST_CHECK(at("https://h/") != at("https://h.x/"));
}

BOOST_AUTO_TEST_CASE(loopback_and_literals_told_from_names) {
    for (const char* text : {"localhost", "reg.localhost", "127.0.0.1", "127.9.9.9", "[::1]"})
        BOOST_TEST(parse_host_port(text, true)->is_loopback(), text);
    for (const char* text :
         {"localhost.example.com", "10.0.0.1", "[::2]", "128.0.0.1", "notlocalhost"})
        BOOST_TEST(!parse_host_port(text, true)->is_loopback(), text);
    BOOST_TEST(parse_host_port("127.0.0.1:1", true)->is_ip_literal());
    BOOST_TEST(parse_host_port("[fe80::1]", true)->is_ip_literal());
    BOOST_TEST(!parse_host_port("localhost", true)->is_ip_literal());
}

// reliability-anchors A4: a server's word must not lead into its client's network.
BOOST_AUTO_TEST_CASE(servers_word_leads_to_public_places_only) {
    const auto leads = [](std::string_view from, std::string_view to) {
        return leads_inside(parse_host_port(from, true).value(), parse_host_port(to, true).value());
    };
    for (const char* to :
         {"169.254.169.254", "10.0.0.1:5000", "192.168.1.1", "127.0.0.1", "0.0.0.0", "[::1]",
          "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]"})
        BOOST_TEST(leads("reg.example.com", to), to);
    for (const char* to : {"storage.example.org", "reg.example.com:8443", "8.8.8.8"})
        BOOST_TEST(!leads("reg.example.com", to), to);
    BOOST_TEST(!leads("10.0.0.1:5000", "10.0.0.1:9000"));
    BOOST_TEST(leads("10.0.0.1:5000", "10.0.0.2:5000"));
    BOOST_TEST(!leads("localhost:5000", "127.0.0.1:5001"));
    BOOST_TEST(!leads("127.0.0.1:5000", "[::1]:5000"));
    BOOST_TEST(leads("localhost:5000", "10.0.0.1"));
}

std::string resolved(std::string_view base, std::string_view location) {
    const auto url = resolve_location(parse_url(base).value(), location);
    return url ? url->at.str() + url->target : "refused";
}

// registry-protocol 2.2: every form a registry was seen to send.
BOOST_AUTO_TEST_CASE(locations_in_every_form) {
    const std::string base = "https://reg.example.com/v2/a/blobs/uploads/";
    BOOST_TEST(
        resolved(base, "/v2/a/blobs/uploads/1") == "https://reg.example.com/v2/a/blobs/uploads/1");
    BOOST_TEST(resolved(base, "1?x=y") == "https://reg.example.com/v2/a/blobs/uploads/1?x=y");
    BOOST_TEST(resolved(base, "../u") == "https://reg.example.com/v2/a/blobs/u");
    BOOST_TEST(
        resolved(base, "?_state=a%2Fb%3D%3D")
        == "https://reg.example.com/v2/a/blobs/uploads/?_state=a%2Fb%3D%3D");
    BOOST_TEST(resolved(base, "https://other.example.com/u") == "https://other.example.com/u");
    BOOST_TEST(resolved(base, "//other.example.com/u") == "https://other.example.com/u");
    BOOST_TEST(
        resolved(base, "https://other.example.com:8443/u") == "https://other.example.com:8443/u");
}

// A server behind a TLS proxy does not know that it is (distribution #479).
BOOST_AUTO_TEST_CASE(http_about_its_own_host_stays_https) {
    BOOST_TEST(resolved("https://h/v2/", "http://h/u") == "https://h/u");
    BOOST_TEST(resolved("https://h:8443/v2/", "http://h/u") == "https://h:8443/u");
    BOOST_TEST(resolved("https://h:8443/v2/", "http://h:8443/u") == "https://h:8443/u");
    // another port, or another host, is another place
    BOOST_TEST(resolved("https://h:8443/v2/", "http://h:9000/u") == "http://h:9000/u");
    BOOST_TEST(resolved("https://h/v2/", "http://i/u") == "http://i/u");
    BOOST_TEST(resolved("http://h/v2/", "http://h/u") == "http://h/u");
}

BOOST_AUTO_TEST_CASE(unusable_locations_refused) {
    const std::string base = "https://h/v2/";
    for (const std::string& text :
         {std::string(), std::string("/a b"), std::string("/a\r\nAuthorization: x"),
          std::string("https://u:p@h/"), std::string("ftp://h/"), std::string("https://[::1/"),
          std::string("/%zz"), std::string(limits::location_bytes_max + 1, 'a')})
        BOOST_TEST(resolved(base, text) == "refused", text.substr(0, 60));
}

BOOST_AUTO_TEST_CASE(query_grows_and_is_hidden) {
    const url plain = parse_url("https://h/u").value();
    BOOST_TEST(plain.with_query("digest", "sha256:ab").target == "/u?digest=sha256%3Aab");
    const url with = parse_url("https://h/u?_state=s").value();
    BOOST_TEST(with.with_query("digest", "x y&z").target == "/u?_state=s&digest=x%20y%26z");
    BOOST_TEST(with.redacted() == "https://h/u");
}

BOOST_AUTO_TEST_CASE(percent_encode_leaves_unreserved) {
    BOOST_TEST(percent_encode("aZ09-._~") == "aZ09-._~");
    BOOST_TEST(percent_encode("a/b c\xff") == "a%2Fb%20c%FF");
}

BOOST_AUTO_TEST_SUITE_END()
