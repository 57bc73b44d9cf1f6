#include "auth/token_request.hpp"

#include "support/printing.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_token_request)

using namespace tarpon;
using namespace auth;
namespace bdata = boost::unit_test::data;

auth_challenge bearer(std::string realm, std::string service = "svc") {
    return {"bearer", {{"realm", std::move(realm)}, {"service", std::move(service)}}};
}

struct realm_row {
    const char* realm;
    const char* registry; ///< URL of the registry
    bool trusted;
};

std::ostream& boost_test_print_type(std::ostream& out, const realm_row& row) {
    return out << row.realm << " for " << row.registry;
}

// Where a challenge may send credentials (reliability-anchors A5).
const std::vector<realm_row> realms{
    {"https://auth.example.com/token", "https://reg.example.com/v2/", true},
    {"https://reg.example.com:8443/token", "https://reg.example.com/v2/", true},
    {"/token", "https://reg.example.com/v2/", true},
    {"https://8.8.8.8/token", "https://reg.example.com/v2/", true},
    {"http://auth.example.com/token", "https://reg.example.com/v2/", false},
    {"http://auth.example.com/token", "http://reg.example.com/v2/", true},
    {"https://169.254.169.254/latest/meta-data", "https://reg.example.com/v2/", false},
    {"https://10.0.0.1/token", "https://reg.example.com/v2/", false},
    {"https://192.168.1.1/token", "https://reg.example.com/v2/", false},
    {"https://127.0.0.1/token", "https://reg.example.com/v2/", false},
    {"https://[::1]/token", "https://reg.example.com/v2/", false},
    {"https://[::]/token", "https://reg.example.com/v2/", false},
    {"https://[::ffff:10.0.0.1]/token", "https://reg.example.com/v2/", false},
    {"https://[fe80::1]/token", "https://reg.example.com/v2/", false},
    {"https://0.0.0.0/token", "https://reg.example.com/v2/", false},
    {"https://10.0.0.1:9/token", "https://10.0.0.1/v2/", true},
    {"http://127.0.0.1:5001/token", "http://127.0.0.1:5000/v2/", true},
    {"https://user:secret@auth.example.com/token", "https://reg.example.com/v2/", false},
    {"ftp://auth.example.com/token", "https://reg.example.com/v2/", false},
    {"", "https://reg.example.com/v2/", false},
};

BOOST_DATA_TEST_CASE(realms_trusted_or_not, bdata::make(realms), row) {
    const transport::url asked = transport::parse_url(row.registry).value();
    const auto checked = check_realm(bearer(row.realm), asked, asked.at);
    BOOST_TEST(checked.has_value() == row.trusted);
    if (!checked) {
        BOOST_TEST(checked.error().code == errc::registry_protocol);
        BOOST_TEST(checked.error().message.find("secret") == std::string::npos);
    }
}

token_realm a_realm(const std::string& url = "https://auth.example.com/token?keep=1") {
    return {transport::parse_url(url).value(), "registry.example.com"};
}

credentials somebody() {
    credentials who;
    who.username = "me&co";
    who.password = "pa ss";
    return who;
}

// One parameter a scope, the one to push first; what the realm's query held stays.
BOOST_AUTO_TEST_CASE(get_names_service_and_every_scope) {
    const auto request =
        make_token_get(a_realm(), {"repository:a/b:pull,push", "repository:c:pull"}, somebody());
    BOOST_TEST(request.method == "GET");
    BOOST_TEST(
        request.to.target
        == "/token?keep=1&service=registry.example.com&scope=repository%3Aa%2Fb%3Apull%2Cpush"
           "&scope=repository%3Ac%3Apull&client_id=tarpon&account=me%26co");
    BOOST_REQUIRE(request.headers.size() == 1u);
    BOOST_TEST(request.headers[0].second == "Basic bWUmY286cGEgc3M=");
}

BOOST_AUTO_TEST_CASE(get_without_credentials_is_anonymous) {
    const auto request = make_token_get(a_realm(), {}, {});
    BOOST_TEST(request.headers.empty());
    BOOST_TEST(request.to.target.find("account") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(post_holds_secrets_in_its_body_only) {
    credentials who;
    who.identity_token = "refresh+token";
    const auto request = make_token_post(a_realm(), {"repository:a:pull,push"}, who);
    BOOST_TEST(request.method == "POST");
    BOOST_TEST(request.to.target == "/token?keep=1");
    BOOST_TEST(
        request.body
        == "grant_type=refresh_token&refresh_token=refresh%2Btoken&service=registry.example.com"
           "&client_id=tarpon&scope=repository%3Aa%3Apull%2Cpush");
    BOOST_TEST(
        make_token_post(a_realm(), {}, somebody()).body
        == "grant_type=password&username=me%26co&password=pa%20ss&service=registry.example.com"
           "&client_id=tarpon");
}

const std::chrono::steady_clock::time_point noon{std::chrono::hours(12)};

BOOST_AUTO_TEST_CASE(either_member_is_the_token) {
    BOOST_TEST(parse_token(R"({"token":"t","access_token":"a"})", noon)->text == "t");
    BOOST_TEST(parse_token(R"({"access_token":"a"})", noon)->text == "a");
    BOOST_TEST(parse_token(R"({"token":"","access_token":"a"})", noon)->text == "a");
}

BOOST_AUTO_TEST_CASE(life_counts_from_here_and_has_a_default) {
    const auto life = [](const char* body) {
        return parse_token(body, noon)->life.count();
    };
    BOOST_TEST(life(R"({"token":"t","expires_in":300})") == 300);
    BOOST_TEST(life(R"({"token":"t"})") == 60);
    BOOST_TEST(life(R"({"token":"t","expires_in":0})") == 60);
    BOOST_TEST(life(R"({"token":"t","expires_in":999999999999})") == 86400);
    BOOST_TEST(life(R"({"token":"t","expires_in":"soon"})") == 60);
    // The server's clock says nothing about ours.
    BOOST_TEST(life(R"({"token":"t","expires_in":300,"issued_at":"1999-01-01T00:00:00Z"})") == 300);
}

BOOST_AUTO_TEST_CASE(stale_before_its_end) {
    const auto at = [](long seconds) {
        return noon + std::chrono::seconds(seconds);
    };
    const token long_lived = *parse_token(R"({"token":"t","expires_in":300})", noon);
    BOOST_TEST(!long_lived.is_stale(at(289)));
    BOOST_TEST(long_lived.is_stale(at(290)));
    const token short_lived = *parse_token(R"({"token":"t","expires_in":5})", noon);
    BOOST_TEST(!short_lived.is_stale(at(3)));
    BOOST_TEST(short_lived.is_stale(at(4)));
}

BOOST_AUTO_TEST_CASE(answers_without_a_usable_token_refused) {
    for (const char* body :
         {"", "{}", "[]", "token", R"({"token":7})", R"({"token":""})", R"({"token":"a\nb"})",
          R"({"token":"a","token":"b"})"}) {
        const auto parsed = parse_token(body, noon);
        BOOST_TEST(!parsed.has_value(), body);
    }
}

BOOST_AUTO_TEST_CASE(scopes_for_pushing) {
    BOOST_TEST(for_pushing("repository:a/b:pull,push") == "repository:a/b:pull,push");
    BOOST_TEST(for_pushing("repository:a/b:delete") == "");
    BOOST_TEST(for_pushing("repository:a/b:push,delete,pull") == "repository:a/b:push,pull");
    BOOST_TEST(for_pushing("registry:catalog:*") == "registry:catalog:*");
    BOOST_TEST(for_pushing("odd") == "");
    BOOST_TEST(for_pushing("") == "");
}

BOOST_AUTO_TEST_CASE(scopes_that_say_the_same) {
    const std::string ours = push_scope("team/app");
    for (const char* same :
         {"repository:team/app:pull,push", "repository:team/app:push,pull",
          "repository:team/app:push", "repository:team/app:"})
        BOOST_TEST(includes(ours, same), same);
    for (const char* more :
         {"repository:team/app:pull,push,delete", "repository:team/app2:pull",
          "repository:team/ap:pull", "repository:team/app:pul", "registry:catalog:*", "*", ""})
        BOOST_TEST(!includes(ours, more), more);
    BOOST_TEST(includes("odd", "odd"));
}

BOOST_AUTO_TEST_SUITE_END()
