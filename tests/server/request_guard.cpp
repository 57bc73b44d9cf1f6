// What a page of another site could make a browser send must not pass; programs always do.
#include "server/request_guard.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_request_guard)

using namespace tarpon::server;

unsigned status(const access_rules& rules, const request_signs& signs) {
    const auto refused = check_access(rules, signs);
    return refused ? refused->status : 200;
}

const access_rules loopback{.loopback_only = true, .hosts = {}};
const access_rules everywhere{.loopback_only = false, .any_name = true};
const access_rules anonymous{.loopback_only = false, .hosts = {"ours.example"}};
const access_rules named{.loopback_only = true, .hosts = {"images.example.com"}};

BOOST_AUTO_TEST_CASE(names_of_loopback) {
    for (const char* name :
         {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "127.1.2.3:1", "[::1]",
          "[::1]:8080", "tarpon.localhost:8080"})
        BOOST_TEST(is_loopback_name(name), name);
    for (const char* name :
         {"", "example.com", "localhost.example.com", "127.0.0.1.example.com", "127.example.com",
          "128.0.0.1", "127.0.0", ".localhost", "notlocalhost", "[::2]", "[::ffff:7f00:1]",
          "0.0.0.0", "192.168.0.1"})
        BOOST_TEST(!is_loopback_name(name), name);
}

// DNS rebinding: the name of another site resolves to this machine.
BOOST_AUTO_TEST_CASE(foreign_host_on_loopback_is_misdirected) {
    for (const bool changes : {false, true}) {
        BOOST_TEST(status(loopback, {.host = "evil.example", .changes_state = changes}) == 421u);
        BOOST_TEST(status(loopback, {.host = "localhost:80", .changes_state = changes}) == 200u);
        BOOST_TEST(status(loopback, {.host = "", .changes_state = changes}) == 200u);
        BOOST_TEST(status(everywhere, {.host = "any.example", .changes_state = changes}) == 200u);
    }
}

// Without logins a name that somebody else owns must not lead here; addresses belong to nobody.
BOOST_AUTO_TEST_CASE(beyond_loopback_addresses_and_known_names) {
    for (const char* host :
         {"192.168.1.2:8080", "[2001:db8::1]:8080", "localhost:8080", "ours.example:8080", ""})
        BOOST_TEST(status(anonymous, {.host = host}) == 200u, host);
    for (const char* host :
         {"evil.example", "192.168.1.2.evil.example", "[evil.example]", "1.2.3.4.5", "[::1",
          "0x7f.1"})
        BOOST_TEST(status(anonymous, {.host = host}) == 421u, host);
}

BOOST_AUTO_TEST_CASE(kinds_of_access) {
    for (const char* path : {"/", "/page/page.js", "/healthz"})
        BOOST_TEST((access_kind_of("GET", path) == access_kind::open), path);
    for (const char* path :
         {"/v2/", "/v2/a/tags/list", "/info", "/metrics", "/page", "/healthz/", "//", "/%76%32/",
          "", "/none", "*"})
        for (const char* method : {"GET", "HEAD", "OPTIONS"})
            BOOST_TEST((access_kind_of(method, path) == access_kind::reading), path);
    for (const char* path : {"/v2/a/manifests/1", "/", "/healthz", "/page/page.js", "/info"})
        for (const char* method : {"PUT", "POST", "PATCH", "DELETE", "get", "TRACE", ""})
            BOOST_TEST((access_kind_of(method, path) == access_kind::changing), path);
    BOOST_TEST((access_kind_of("GET", "/push/events") == access_kind::changing));
}

// Where only TLS is spoken, a page that came in clear is somebody else's.
BOOST_AUTO_TEST_CASE(plain_origins_are_foreign_under_tls) {
    const access_rules tls{.loopback_only = true, .tls = true};
    const auto from = [&](std::string_view origin) {
        return status(tls, {.host = "localhost:8443", .origin = origin, .changes_state = true});
    };
    BOOST_TEST(from("https://localhost:8443") == 200u);
    BOOST_TEST(from("http://localhost:8443") == 403u);
}

BOOST_AUTO_TEST_CASE(allowed_hosts_are_known_with_any_port) {
    BOOST_TEST(status(named, {.host = "Images.Example.com:8443"}) == 200u);
    BOOST_TEST(status(named, {.host = "localhost"}) == 200u);
    BOOST_TEST(status(named, {.host = "other.example.com"}) == 421u);
    const access_rules only{.loopback_only = false, .hosts = {"images.example.com"}};
    BOOST_TEST(status(only, {.host = "images.example.com"}) == 200u);
    BOOST_TEST(status(only, {.host = "other.example.com"}) == 421u);
}

// CSRF: the request is sent by a browser, but not by our page.
BOOST_AUTO_TEST_CASE(other_sites_change_nothing) {
    const auto sent_by = [](std::string_view origin, std::string_view site, bool changes = true) {
        return status(
            loopback, {.host = "localhost:8080",
                       .origin = origin,
                       .fetch_site = site,
                       .changes_state = changes});
    };
    BOOST_TEST(sent_by("", "") == 200u); // curl, docker
    BOOST_TEST(sent_by("http://localhost:8080", "same-origin") == 200u);
    BOOST_TEST(sent_by("https://localhost:8080", "") == 200u);
    BOOST_TEST(sent_by("", "none") == 200u); // typed by the user
    for (const char* site : {"cross-site", "same-site", "nonsense"})
        BOOST_TEST(sent_by("http://localhost:8080", site) == 403u, site);
    for (const char* origin :
         {"null", "http://evil.example", "http://localhost", "http://localhost:8081",
          "http://localhost:8080.evil.example", "file://localhost:8080", "localhost:8080"})
        BOOST_TEST(sent_by(origin, "") == 403u, origin);
    BOOST_TEST(sent_by("http://evil.example", "cross-site", false) == 200u); // a link to the page
}

BOOST_AUTO_TEST_CASE(pages_behind_a_proxy_of_an_allowed_name_may_push) {
    const request_signs signs{
        .host = "127.0.0.1:8080",
        .origin = "https://images.example.com",
        .fetch_site = "same-origin",
        .changes_state = true};
    BOOST_TEST(status(named, signs) == 200u);
    BOOST_TEST(status(loopback, signs) == 403u);
}

BOOST_AUTO_TEST_SUITE_END()
