#include "auth/credential_helper.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(test_credential_helper)

using namespace tarpon;
using namespace tarpon::test;
using namespace auth;

/// Puts docker-credential-<name>, a shell script, in front of PATH.
struct helper_script {
    temp_dir dir;
    std::string path_before = std::getenv("PATH");

    explicit helper_script(const std::string& body, const std::string& name = "test") {
        const auto file = dir.path() / ("docker-credential-" + name);
        std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        ::setenv("PATH", (dir.path().string() + ":" + path_before).c_str(), 1);
    }
    ~helper_script() { ::setenv("PATH", path_before.c_str(), 1); }
    std::string read(const std::string& name) const {
        std::ifstream in(dir.path() / name);
        return {std::istreambuf_iterator<char>(in), {}};
    }
};

bool failed_with(const error& e, std::string_view cause) {
    return e.code() == errc::registry_unauthorized && e.cause().find(cause) != std::string::npos;
}

BOOST_AUTO_TEST_CASE(get_asks_with_the_key_and_nothing_else) {
    const helper_script helper(
        R"sh(printf '%s %s' "$1" "$(cat)" > "$(dirname "$0")/seen"
             echo '{"ServerURL":"r","Username":"u","Secret":"s"}')sh");
    const auto found = ask_helper("test", "https://index.docker.io/v1/");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->username == "u");
    BOOST_TEST(found->password == "s");
    BOOST_TEST(found->source == "helper test");
    BOOST_TEST(helper.read("seen") == "get https://index.docker.io/v1/");
}

BOOST_AUTO_TEST_CASE(token_user_means_identity_token) {
    const helper_script helper(
        R"(cat >/dev/null; echo '{"Username":"<token>","Secret":"refresh"}')");
    const auto found = ask_helper("test", "r");
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->identity_token == "refresh");
    BOOST_TEST(found->username.empty());
}

BOOST_AUTO_TEST_CASE(not_found_is_nobody) {
    const helper_script helper(
        "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1");
    BOOST_TEST(!ask_helper("test", "r").has_value());
}

// Anything else than "none stored" is an error: going on anonymously could be going on as somebody
// else.
BOOST_AUTO_TEST_CASE(failures_are_errors) {
    BOOST_CHECK_THROW(ask_helper("absent-from-this-machine", "r"), error);
    {
        const helper_script helper("cat >/dev/null; echo 'the keychain is locked'; exit 2");
        BOOST_CHECK_EXCEPTION(ask_helper("test", "r"), error, [](const error& e) {
            return failed_with(e, "the keychain is locked");
        });
    }
    for (const char* answer :
         {"", "hello", "[]", R"({"Username":"u"})", R"({"Username":"u","Secret":"a\\nb"})"}) {
        const helper_script helper(std::string("cat >/dev/null; echo '") + answer + "'");
        BOOST_CHECK_THROW(ask_helper("test", "r"), error);
    }
    {
        const helper_script helper("cat >/dev/null; head -c 200000 /dev/zero | tr '\\0' x");
        BOOST_CHECK_EXCEPTION(ask_helper("test", "r"), error, [](const error& e) {
            return failed_with(e, "too much");
        });
    }
}

// Closing its output is not the end of a helper.
BOOST_AUTO_TEST_CASE(helpers_that_hang_are_ended) {
    const char* const answer = R"(echo '{"Username":"u","Secret":"s"}')";
    for (const std::string& body :
         {std::string("exec sleep 1000"), std::string("exec >&-; exec sleep 1000"),
          std::string(answer) + "; exec >&-; exec sleep 1000"}) {
        const helper_script helper(R"(echo $$ > "$(dirname "$0")/pid"; )" + body);
        BOOST_CHECK_EXCEPTION(
            ask_helper("test", "r", std::chrono::milliseconds(300)), error,
            [](const error& e) { return failed_with(e, "in time"); });
        BOOST_TEST(
            !std::filesystem::exists("/proc/" + std::to_string(std::stoi(helper.read("pid")))));
    }
    // One that takes its time to end, but does.
    const helper_script helper(std::string(answer) + "; exec >&-; sleep 0.1; exit 0");
    BOOST_TEST(ask_helper("test", "r").has_value());
}

// What a failing helper says is shown, but never what it keeps.
BOOST_AUTO_TEST_CASE(secrets_in_the_words_of_a_failing_helper_are_not_shown) {
    const auto quiet = [](const error& e) {
        return failed_with(e, "is not shown") && e.cause().find("hunter2") == std::string::npos
               && failed_with(e, "exit code 3");
    };
    credentials secret;
    secret.username = "u";
    secret.password = "hunter2";
    for (const char* words :
         {R"({"Username":"u","Secret":"hunter2"})", R"("secret": "hunter2")",
          R"(cannot read \"Secret\":\"hunter2\")"}) {
        const helper_script helper(
            std::string("cat >/dev/null; printf '%s' '") + words + "'; exit 3");
        BOOST_CHECK_EXCEPTION(ask_helper("test", "r"), error, quiet);
        BOOST_CHECK_EXCEPTION(store_with_helper("test", "r", secret), error, quiet);
        BOOST_CHECK_EXCEPTION(erase_with_helper("test", "r"), error, quiet);
    }
    const helper_script helper("cat >/dev/null; echo 'cannot keep hunter2'; exit 3");
    BOOST_CHECK_EXCEPTION(store_with_helper("test", "r", secret), error, quiet);
    // The secret service of the desktop says its own name.
    const helper_script other("cat >/dev/null; echo 'no org.freedesktop.secrets here'; exit 1");
    BOOST_CHECK_EXCEPTION(ask_helper("test", "r"), error, [](const error& e) {
        return failed_with(e, "no org.freedesktop.secrets here");
    });
    const helper_script silent("cat >/dev/null; exit 4");
    BOOST_CHECK_EXCEPTION(ask_helper("test", "r"), error, [](const error& e) {
        return failed_with(e, "exit code 4");
    });
}

// Whose secret is asked for, and which program is run, is never up to whoever wrote a URL
// (CVE-2020-5260).
BOOST_AUTO_TEST_CASE(odd_names_and_keys_refused_before_anything_runs) {
    const helper_script helper(
        R"sh(touch "$(dirname "$0")/ran"; echo '{"Username":"u","Secret":"s"}')sh");
    for (const char* name : {"", "../test", "/bin/test", "a b", "test;id"})
        BOOST_CHECK_THROW(ask_helper(name, "r"), error);
    for (const char* key : {"", "r\nhost=other", "r\rx", "a b"})
        BOOST_CHECK_THROW(ask_helper("test", key), error);
    BOOST_TEST(helper.read("ran").empty());
    BOOST_TEST(!std::filesystem::exists(helper.dir.path() / "ran"));
}

BOOST_AUTO_TEST_CASE(store_and_erase_speak_the_protocol) {
    const helper_script helper(R"sh(printf '%s %s\n' "$1" "$(cat)" >> "$(dirname "$0")/seen")sh");
    credentials secret;
    secret.username = "u";
    secret.password = "p\"w";
    store_with_helper("test", "r", secret);
    erase_with_helper("test", "r");
    BOOST_TEST(
        helper.read("seen")
        == "store {\"ServerURL\":\"r\",\"Username\":\"u\",\"Secret\":\"p\\\"w\"}\nerase r\n");
}

BOOST_AUTO_TEST_SUITE_END()
