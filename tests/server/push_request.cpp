// What a client asks for in the query of PUT /push, and the status of how it ended.
#include "server/push_request.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_push_request)

using namespace tarpon;
using namespace tarpon::server;

const std::string registry = "http://127.0.0.1:8080";

push_request asked(const std::string& target, const std::string& at = registry) {
    const auto parsed = parse_push_request(target, at);
    BOOST_REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().message));
    return *parsed;
}

std::string refused(const std::string& target) {
    const auto parsed = parse_push_request(target, registry);
    if (parsed)
        return "accepted";
    BOOST_TEST((parsed.error().code == errc::usage));
    return parsed.error().message;
}

BOOST_AUTO_TEST_CASE(without_names_the_archive_says_them) {
    for (const char* target : {"/push", "/push?", "/push?id=0123456789abcdef"}) {
        const auto push = asked(target);
        BOOST_TEST(push.where.registry == registry);
        BOOST_TEST(push.where.to.empty());
        BOOST_TEST(push.where.placements.empty());
    }
    BOOST_TEST(asked("/push?id=0123456789abcdef").id == "0123456789abcdef");
}

BOOST_AUTO_TEST_CASE(names_are_below_the_target) {
    const auto push = asked("/push?to=team/app:1&to=team%2Fapp%3A2&image=@2");
    const std::vector<std::string> to{registry + "/team/app:1", registry + "/team/app:2"};
    BOOST_TEST(push.where.to == to, boost::test_tools::per_element());
    BOOST_TEST(push.where.registry.empty());
    BOOST_TEST(push.where.image == "@2");
    const auto prefixed = asked("/push?to=app", "registry.example.com/team/");
    BOOST_TEST(prefixed.where.to.front() == "registry.example.com/team/app");
}

BOOST_AUTO_TEST_CASE(images_get_names_one_by_one) {
    const auto push = asked("/push?to=registry.example.com:8443/team/two:v2=x/two:1&to=@3%3Dy");
    BOOST_REQUIRE(push.where.placements.size() == 2u);
    BOOST_TEST(push.where.placements[0].image == "registry.example.com:8443/team/two:v2");
    BOOST_TEST(push.where.placements[0].name == "x/two:1");
    BOOST_TEST(push.where.placements[1].image == "@3");
    BOOST_TEST(push.where.placements[1].name == "y");
    BOOST_TEST(push.where.registry == registry);
}

// A client that could choose the host would use our credentials, or our place in the network.
BOOST_AUTO_TEST_CASE(hosts_and_digests_are_not_chosen) {
    for (const char* name :
         {"evil.example/app:1", "localhost/app", "10.0.0.1:5000/app", "[::1]:5000/app",
          "@1=evil.example/app:1"})
        BOOST_TEST(
            refused(std::string("/push?to=") + name).find("hosts are not chosen here")
                != std::string::npos,
            refused(std::string("/push?to=") + name));
    const std::string content = "@sha256:" + std::string(64, 'a');
    BOOST_TEST(refused("/push?to=app" + content).find("digest") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_refused) {
    for (const char* query :
         {"to=", "to=App:1", "to=a:b:c", "to=../x", "to=http://a/b", "to=a/../b",
          "to=@1=", "id=short", "id=0123456789abcde%20", "tag=1", "to=%zz", "to=a%00b",
          "to=a&to=@1=b", "to=@1=b&image=@1"})
        BOOST_TEST(refused(std::string("/push?") + query) != "accepted", query);
    std::string many = "/push?to=a";
    for (std::size_t i = 0; i < limits::push_names_max; ++i)
        many += "&to=a";
    BOOST_TEST(refused(many).starts_with("more than"));
}

BOOST_AUTO_TEST_CASE(watchers_name_a_push) {
    BOOST_TEST(parse_watch_request("/push/events?id=abcdefgh").value() == "abcdefgh");
    for (const char* target : {"/push/events", "/push/events?id=", "/push/events?id=a/b/c/d/e"})
        BOOST_TEST(!parse_watch_request(target), target);
}

BOOST_AUTO_TEST_CASE(status_says_whose_fault_it_is) {
    const auto status = [](errc code) {
        return status_of(error(code, "x"));
    };
    BOOST_TEST(status(errc::usage) == 400u);
    BOOST_TEST(status(errc::archive_truncated) == 422u);
    BOOST_TEST(status(errc::registry_unauthorized) == 502u);
    BOOST_TEST(status(errc::registry_failed) == 502u);
    BOOST_TEST(status(errc::transport_connect) == 502u);
    BOOST_TEST(status(errc::transport_timeout) == 504u);
    BOOST_TEST(status(errc::cancelled) == 503u);
    BOOST_TEST(status(errc::internal) == 500u);
}

BOOST_AUTO_TEST_SUITE_END()
