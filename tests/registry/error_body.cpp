#include "registry/error_body.hpp"

#include "model/text.hpp"
#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_error_body)

namespace bdata = boost::unit_test::data;
using namespace tarpon;

error refused(int status, std::string body, const std::string& type = "application/json") {
    transport::http_response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", type);
    response.body = std::move(body);
    return registry::refusal(response, {"to open an upload", "reg.example.com", "team/app"});
}

std::string listed(const std::string& code, const std::string& message) {
    return concat(R"({"errors":[{"code":")", code, R"(","message":")", message, R"("}]})");
}

struct status_sample {
    int status;
    const char* code;
    errc wanted;
};
std::ostream& operator<<(std::ostream& out, const status_sample& s) {
    return out << s.status << ' ' << s.code;
}

const status_sample statuses[] = {
    {401, "UNAUTHORIZED", errc::registry_unauthorized},
    {403, "DENIED", errc::registry_denied},
    {404, "NAME_UNKNOWN", errc::registry_not_found},
    {404, "", errc::registry_not_found},
    {413, "", errc::registry_too_large},
    {400, "DIGEST_INVALID", errc::registry_refused},
    {405, "UNSUPPORTED", errc::registry_refused},
    {416, "RANGE_INVALID", errc::registry_refused},
    {429, "TOOMANYREQUESTS", errc::registry_refused},
    // the registry's own code says more than the status
    {400, "DENIED", errc::registry_denied},
    {412, "DENIED", errc::registry_denied},
    {400, "UNAUTHORIZED", errc::registry_unauthorized},
    {400, "NAME_UNKNOWN", errc::registry_not_found},
    {500, "UNKNOWN", errc::registry_failed},
    {502, "", errc::registry_failed},
    {503, "UNAVAILABLE", errc::registry_failed},
    {200, "", errc::registry_protocol},
    {302, "", errc::registry_protocol},
};

// Sections 3 and 9 of registry-protocol: what a status means for the one who pushes.
BOOST_DATA_TEST_CASE(status_and_code_decide_the_error, bdata::make(statuses), s) {
    const error what = refused(s.status, listed(s.code, "no"));
    BOOST_TEST(what.code() == s.wanted);
    BOOST_TEST(what.http_status() == s.status);
    BOOST_TEST(what.cause().find(std::to_string(s.status)) == 0u);
    BOOST_TEST(what.cause().find(s.code) != std::string::npos);
}

// WHO refused WHAT WHERE in the message, the other side's words in the cause.
BOOST_AUTO_TEST_CASE(refusal_says_who_what_where_and_why) {
    const error what = refused(404, listed("NAME_UNKNOWN", "project team not found"));
    BOOST_TEST(what.message() == "reg.example.com refused to open an upload in team/app");
    BOOST_TEST(what.cause() == "404 NAME_UNKNOWN \"project team not found\"");
    BOOST_TEST(
        refused(500, "").message() == "reg.example.com failed to open an upload in team/app");
    BOOST_TEST(
        refused(204, "").message()
        == "reg.example.com gave an answer that is not in the protocol when asked to open an "
           "upload in team/app");
    transport::http_response response;
    response.status = 403;
    const error whole = registry::refusal(response, {"to answer", "reg.example.com", {}});
    BOOST_TEST(whole.message() == "reg.example.com refused to answer");
    BOOST_TEST(whole.cause() == "403");
    BOOST_TEST(whole.hint().find("reg.example.com") != std::string::npos);
}

struct body_sample {
    const char *type, *body, *cause;
};
std::ostream& operator<<(std::ostream& out, const body_sample& s) {
    return out << s.body;
}

const body_sample bodies[] = {
    {"application/json", R"({"errors":[{"code":"DENIED","message":"a"},{"code":"B"}]})",
     R"(400 DENIED "a")"},
    {"application/json", R"({"errors":[{"code":"X","message":"a","detail":"b"}]})",
     R"(400 X "a: b")"},
    {"application/json", R"({"errors":[{"code":"X","message":"a","detail":"a"}]})", R"(400 X "a")"},
    {"application/json", R"({"errors":[{"code":"X","message":"a","detail":{"n":1}}]})",
     R"(400 X "a")"},
    {"application/json", R"({"errors":[{"code":"X"}]})", "400 X"},
    {"application/json", R"({"errors":[]})", "400"},
    {"application/json", R"({"errors":null,"message":"a"})", R"(400 "a")"},
    {"application/json", R"({"code":"X","message":"a"})", R"(400 X "a")"},
    {"application/json", R"({"error":"a"})", R"(400 "a")"},
    {"application/json", R"({"error":"invalid_scope","error_description":"a"})", R"(400 "a")"},
    {"application/json", R"({"details":"a"})", R"(400 "a")"},
    // whatever the type says, JSON is read as JSON
    {"text/plain", R"({"errors":[{"code":"X","message":"a"}]})", R"(400 X "a")"},
    {"text/html", "<html><head><title>413</title></head><body>Too <b>large</b></body></html>",
     R"(400 "413 Too large")"},
    {"", "<!DOCTYPE html><html>no</html>", R"(400 "no")"},
    {"text/plain", "plain words\r\n", R"(400 "plain words")"},
    {"application/json", "{\"errors\":[{\"code\":", R"(400 "{"errors":[{"code":")"},
    {"text/plain", "", "400"},
    {"text/plain", "a\x1b[31mred\x07", R"(400 "a [31mred")"},
};

// Registries, proxies and load balancers say it in many shapes; a person can read all of them.
BOOST_DATA_TEST_CASE(body_of_any_shape_becomes_one_line, bdata::make(bodies), s) {
    BOOST_TEST(refused(400, s.body, s.type).cause() == s.cause);
}

// Foreign words are cut, and never bring control characters into a terminal.
BOOST_AUTO_TEST_CASE(long_and_hostile_words_are_cut_and_cleaned) {
    std::string hostile;
    for (int i = 0; i < 40'000; ++i)
        hostile.push_back(static_cast<char>(i % 256));
    for (const char* type : {"text/plain", "text/html", "application/json"}) {
        for (const std::string& body :
             {hostile, listed("X", std::string(5000, 'x')), std::string(60'000, '<')}) {
            const error what = refused(500, body, type);
            BOOST_TEST(what.cause().size() < limits::foreign_text_bytes_max + 100);
            for (const char c : what.cause())
                BOOST_REQUIRE(static_cast<unsigned char>(c) >= 0x20);
        }
    }
}

// A full project is no matter of permission, whatever the status says; a rate is something else.
BOOST_AUTO_TEST_CASE(quota_is_told_by_its_words) {
    const std::string harbor = "adding 2.1 MiB of storage resource, which when updated to current "
                               "usage of 9 MiB will exceed the configured upper limit of 10.0 MiB.";
    for (const int status : {400, 403, 412}) {
        const error what = refused(status, listed("DENIED", harbor));
        BOOST_TEST(what.code() == errc::registry_refused);
        BOOST_TEST(what.hint() == "make room in team/app, or have its quota raised");
    }
    BOOST_TEST(refused(403, listed("DENIED", "Quota exceeded")).code() == errc::registry_refused);
    BOOST_TEST(
        refused(429, listed("DENIED", "Quota exceeded")).hint()
        != "make room in team/app, or have its quota raised");
}

error refused_by(
    const std::string& host, const std::string& repository, int status, const char* code) {
    transport::http_response response;
    response.status = status;
    response.body = listed(code, "no");
    return registry::refusal(response, {"to open an upload", host, repository});
}

// Only what is known for sure.
BOOST_AUTO_TEST_CASE(hints_for_well_known_causes) {
    const std::string ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    BOOST_TEST(
        refused_by(ecr, "team/app", 404, "NAME_UNKNOWN").hint()
        == "aws ecr create-repository --region eu-west-1 --repository-name team/app");
    BOOST_TEST(
        refused_by("reg.example.com", "team/app", 404, "NAME_UNKNOWN").hint()
        == "create the repository team/app (or the project it belongs to) in reg.example.com "
           "first");
    BOOST_TEST(refused_by("reg.example.com", "team/app", 404, "BLOB_UNKNOWN").hint().empty());
    BOOST_TEST(
        refused_by("docker.io", "library/app", 401 + 2, "DENIED").hint()
        == "names on Docker Hub begin with the user or the organisation: --to "
           "docker.io/USER/NAME:TAG");
}

// A redirect that is not followed says where it leads, without what may be signed.
BOOST_AUTO_TEST_CASE(redirect_says_where_it_leads) {
    transport::http_response response;
    response.status = 302;
    response.headers.emplace_back("Location", "https://reg.example.com/v2/?sig=MARKER");
    const error what = registry::refusal(response, {"to open an upload", "reg.example.com", "a"});
    BOOST_TEST(what.cause().find("302 to https://reg.example.com") == 0u, what.cause());
    BOOST_TEST(what.cause().find("MARKER") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
