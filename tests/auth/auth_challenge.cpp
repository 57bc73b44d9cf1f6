#include "auth/auth_challenge.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_auth_challenge)

using namespace tarpon;
using auth::auth_challenge;
namespace bdata = boost::unit_test::data;

/// "bearer realm=x service=y; basic realm=z"
std::string shown(const std::vector<auth_challenge>& challenges) {
    std::string text;
    for (const auth_challenge& one : challenges) {
        text += (text.empty() ? "" : "; ") + one.scheme;
        for (const auto& [name, value] : one.parameters)
            text += " " + name + "=" + value;
    }
    return text;
}

struct header_row {
    const char* what;
    const char* header;
    const char* shown;
};

std::ostream& boost_test_print_type(std::ostream& out, const header_row& row) {
    return out << row.what;
}

const std::vector<header_row> headers{
    {"Docker Hub", R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io")",
     "bearer realm=https://auth.docker.io/token service=registry.docker.io"},
    {"commas and equals signs in quotes",
     R"(Bearer realm="https://a/t",scope="repository:a/b:pull,push",error="insufficient_scope")",
     "bearer realm=https://a/t scope=repository:a/b:pull,push error=insufficient_scope"},
    {"Nexus shouts", R"(BASIC realm="Sonatype Nexus")", "basic realm=Sonatype Nexus"},
    {"a scheme without parameters (Gitea)", "Basic", "basic"},
    {"two challenges in one line", R"(Basic realm="a", Bearer realm="b", service="c")",
     "basic realm=a; bearer realm=b service=c"},
    {"a bare scheme before another", R"(Negotiate, Basic realm="x")", "negotiate; basic realm=x"},
    {"escapes", R"(Basic realm="a \"quoted\" \\ realm")", R"(basic realm=a "quoted" \ realm)"},
    {"values without quotes", "Bearer realm=x,service=y", "bearer realm=x service=y"},
    {"blanks around equals signs", R"(Bearer realm = "x" , service = "y")",
     "bearer realm=x service=y"},
    {"parameter names in any case", R"(Bearer REALM="x",Service="y")", "bearer realm=x service=y"},
    {"nothing", "", ""},
    {"only separators", " , ,, ", ""},
};

BOOST_DATA_TEST_CASE(headers_of_real_servers, bdata::make(headers), row) {
    BOOST_TEST(shown(auth::parse_challenges(row.header)) == row.shown);
}

// What cannot be read is left out, and nothing in it reaches a header or a URL.
BOOST_AUTO_TEST_CASE(control_characters_never_come_through) {
    for (const char* header :
         {"Bearer realm=\"a\r\nX: y\"", "Bearer realm=\"a\x01z\"", "Ba\x7fsic realm=x"})
        for (const auth_challenge& one : auth::parse_challenges(header))
            for (const auto& [name, value] : one.parameters)
                for (const char c : value)
                    BOOST_TEST((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
}

// An endless header costs no more than its limit.
BOOST_AUTO_TEST_CASE(number_and_size_are_bounded) {
    std::string many;
    for (int i = 0; i < 1000; ++i)
        many += "Basic realm=\"x\", ";
    BOOST_TEST(auth::parse_challenges(many).size() <= limits::challenges_max);
    const std::string huge = "Bearer realm=\"" + std::string(1 << 20, 'x') + "\"";
    for (const auth_challenge& one : auth::parse_challenges(huge))
        BOOST_TEST(one.parameter("realm").size() <= limits::challenge_bytes_max);
}

BOOST_AUTO_TEST_CASE(parameter_found_by_name_or_empty) {
    const auto challenges = auth::parse_challenges(R"(Bearer realm="x",service="y")");
    BOOST_REQUIRE(challenges.size() == 1u);
    BOOST_TEST(challenges[0].parameter("service") == "y");
    BOOST_TEST(challenges[0].parameter("scope").empty());
}

BOOST_AUTO_TEST_SUITE_END()
