#include "transport/proxy.hpp"

#include "support/printing.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(test_proxy)

using namespace tarpon;
using namespace tarpon::transport;
namespace bdata = boost::unit_test::data;

using variables = std::map<std::string, std::string>;

result<proxy_rules> rules_of(variables set) {
    auto lookup = [set = std::move(set)](const std::string& name) -> std::optional<std::string> {
        const auto found = set.find(name);
        return found == set.end() ? std::nullopt : std::optional(found->second);
    };
    return proxy_rules::from_environment(lookup);
}

/// "host:port" of the proxy for a registry, or "" for none.
std::string proxy_for(variables set, const origin& to) {
    const proxy_rules rules = rules_of(std::move(set)).value();
    const proxy* chosen = rules.choose(to);
    return chosen ? chosen->at.host + ":" + std::to_string(chosen->at.port) : "";
}

const origin secure{true, "reg.example.com", 443};
const origin plain{false, "reg.example.com", 80};

BOOST_AUTO_TEST_CASE(scheme_of_the_target_decides) {
    const variables both{{"HTTP_PROXY", "http://h:1"}, {"HTTPS_PROXY", "http://s:2"}};
    BOOST_TEST(proxy_for(both, secure) == "s:2");
    BOOST_TEST(proxy_for(both, plain) == "h:1");
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "http://s:2"}}, plain).empty());
    BOOST_TEST(proxy_for({{"ALL_PROXY", "http://a:3"}}, secure) == "a:3");
    BOOST_TEST(proxy_for({}, secure).empty());
}

BOOST_AUTO_TEST_CASE(lower_case_wins_and_empty_means_none) {
    BOOST_TEST(
        proxy_for({{"https_proxy", "http://l:1"}, {"HTTPS_PROXY", "http://u:2"}}, secure) == "l:1");
    BOOST_TEST(proxy_for({{"https_proxy", ""}, {"HTTPS_PROXY", "http://u:2"}}, secure).empty());
}

BOOST_AUTO_TEST_CASE(spellings_of_a_proxy) {
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "proxy"}}, secure) == "proxy:80");
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "proxy:3128"}}, secure) == "proxy:3128");
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "http://PROXY:3128/"}}, secure) == "proxy:3128");
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "https://proxy"}}, secure) == "proxy:443");
    BOOST_TEST(proxy_for({{"HTTPS_PROXY", "http://[::1]:3128"}}, secure) == "::1:3128");
}

BOOST_AUTO_TEST_CASE(password_is_decoded_and_sent_as_basic) {
    const proxy_rules rules = rules_of({{"HTTPS_PROXY", "http://me:p%40ss@proxy:3128"}}).value();
    BOOST_TEST(rules.choose(secure)->authorization == "Basic bWU6cEBzcw==");
    BOOST_TEST(rules_of({{"HTTPS_PROXY", "http://proxy"}})->choose(secure)->authorization.empty());
}

// The message names the variable, never its value: there is a password in it.
BOOST_AUTO_TEST_CASE(unusable_proxy_is_an_error_without_its_password) {
    for (const char* value : {"socks5://me:MARKER@proxy", "http://", "http://me:MARKER@pro xy"}) {
        const auto rules = rules_of({{"HTTPS_PROXY", value}});
        BOOST_REQUIRE(!rules.has_value());
        BOOST_TEST(rules.error().code == errc::usage);
        BOOST_TEST(rules.error().message.find("HTTPS_PROXY") != std::string::npos);
        BOOST_TEST(rules.error().message.find("MARKER") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(loopback_is_never_proxied) {
    const variables set{{"ALL_PROXY", "http://a:3"}};
    for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"})
        BOOST_TEST(proxy_for(set, {true, host, 5000}).empty(), host);
}

struct exception_row {
    const char* entry;
    const char* host;
    std::uint16_t port;
    bool matches;
};

std::ostream& boost_test_print_type(std::ostream& out, const exception_row& row) {
    return out << row.entry << " for " << row.host << ":" << row.port;
}

const std::vector<exception_row> exceptions{
    {"*", "anything", 443, true},
    {"example.com", "example.com", 443, true},
    {"example.com", "reg.example.com", 443, true},
    {"example.com", "badexample.com", 443, false},
    {".example.com", "reg.example.com", 443, true},
    {".example.com", "example.com", 443, true},
    {"*.example.com", "reg.example.com", 443, true},
    {"reg.example.com", "example.com", 443, false},
    {"example.com:8443", "example.com", 8443, true},
    {"example.com:8443", "example.com", 443, false},
    {"10.0.0.0/8", "10.1.2.3", 443, true},
    {"10.0.0.0/8", "11.1.2.3", 443, false},
    {"10.0.0.0/33", "10.1.2.3", 443, false},
    {"192.168.1.7", "192.168.1.7", 5000, true},
    {"192.168.1.7", "192.168.1.77", 5000, false},
    {"fd00::/8", "fd12::1", 443, true},
    {"fd00::/8", "fe80::1", 443, false},
    {"[fd12::1]:5000", "fd12::1", 5000, true},
    {"[fd12::1]:5000", "fd12::1", 5001, false},
    {"fd12::1", "fd12::1", 443, true},
    {"10.0.0.0/8", "ten.example.com", 443, false},
};

BOOST_DATA_TEST_CASE(no_proxy_entries, bdata::make(exceptions), row) {
    BOOST_TEST(no_proxy_matches(row.entry, row.host, row.port) == row.matches);
}

BOOST_AUTO_TEST_CASE(no_proxy_is_a_list) {
    const variables set{
        {"ALL_PROXY", "http://a:3"}, {"NO_PROXY", "internal, .Example.COM ,10.0.0.0/8"}};
    BOOST_TEST(proxy_for(set, secure).empty());
    BOOST_TEST(proxy_for(set, {true, "10.2.3.4", 443}).empty());
    BOOST_TEST(proxy_for(set, {true, "reg.example.org", 443}) == "a:3");
}

BOOST_AUTO_TEST_SUITE_END()
