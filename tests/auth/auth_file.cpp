#include "auth/auth_file.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_auth_file)

using namespace tarpon;
using auth::auth_file;

auth_file parsed(std::string_view text) {
    return auth_file::parse(text).value();
}

std::string docker_user(const auth_file& file, std::string_view host) {
    const auto entry = file.find_docker(host);
    return entry ? entry->found.username + "/" + entry->found.password : "none";
}

std::string podman_user(const auth_file& file, std::string_view host, std::string_view path) {
    const auto entry = file.find_podman(host, path);
    return entry ? entry->found.username : "none";
}

// base64("user:pa:ss")
constexpr const char* user_auth = R"({"auth":"dXNlcjpwYTpzcw=="})";

std::string with_auths(const std::string& key) {
    return std::string(R"({"auths":{")") + key + R"(":)" + user_auth + "}}";
}

// The password begins after the first colon.
BOOST_AUTO_TEST_CASE(password_may_hold_colons) {
    BOOST_TEST(docker_user(parsed(with_auths("reg:5000")), "reg:5000") == "user/pa:ss");
}

// Old versions of docker wrote whole URLs.
BOOST_AUTO_TEST_CASE(key_with_scheme_and_path_found) {
    for (const char* key : {"https://reg:5000", "https://reg:5000/v1/", "http://reg:5000/v2/"})
        BOOST_TEST(docker_user(parsed(with_auths(key)), "reg:5000") == "user/pa:ss", key);
    BOOST_TEST(docker_user(parsed(with_auths("https://reg:5000/v1/")), "reg") == "none");
    BOOST_TEST(docker_user(parsed(with_auths("reg:5001")), "reg:5000") == "none");
}

BOOST_AUTO_TEST_CASE(docker_hub_has_several_names) {
    for (const char* key :
         {"https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"})
        BOOST_TEST(docker_user(parsed(with_auths(key)), "docker.io") == "user/pa:ss", key);
    BOOST_TEST(docker_user(parsed(with_auths("https://index.docker.io/v1/")), "other") == "none");
}

// Padding of base64 may be missing; old writers filled the password with NULs.
BOOST_AUTO_TEST_CASE(odd_base64_read) {
    BOOST_TEST(
        docker_user(parsed(R"({"auths":{"r":{"auth":"dXNlcjpwYTpzcw"}}})"), "r") == "user/pa:ss");
    BOOST_TEST(docker_user(parsed(R"({"auths":{"r":{"auth":"dTpwAAA="}}})"), "r") == "u/p");
    BOOST_TEST(docker_user(parsed(R"({"auths":{"r":{"auth":"!!!"}}})"), "r") == "none");
    BOOST_TEST(docker_user(parsed(R"({"auths":{"r":{"auth":"dXNlcg=="}}})"), "r") == "none");
}

BOOST_AUTO_TEST_CASE(plain_members_and_tokens_read) {
    const auto file = parsed(R"({"auths":{"a":{"username":"u","password":"p"},
        "b":{"identitytoken":"id"},"c":{"registrytoken":"rt"},"d":{}}})");
    BOOST_TEST(docker_user(file, "a") == "u/p");
    BOOST_TEST(file.find_docker("b")->found.identity_token == "id");
    BOOST_TEST(file.find_docker("c")->found.registry_token == "rt");
    BOOST_TEST(!file.find_docker("d").has_value());
}

// credHelpers for the host win over credsStore, and both over auths.
BOOST_AUTO_TEST_CASE(helpers_come_first_for_docker) {
    const auto file = parsed(
        std::string(R"({"credsStore":"store","credHelpers":{"a":"own"},"auths":{"a":)") + user_auth
        + R"(,"b":)" + user_auth + "}}");
    BOOST_TEST(file.find_docker("a")->helper == "own");
    BOOST_TEST(file.find_docker("b")->helper == "store");
    BOOST_TEST(file.find_docker("docker.io")->key == "https://index.docker.io/v1/");
    // podman knows no credsStore
    BOOST_TEST(file.find_podman("a", "x")->helper == "own");
    BOOST_TEST(file.find_podman("b", "x")->helper.empty());
}

BOOST_AUTO_TEST_CASE(longest_namespace_wins_for_podman) {
    const auto file = parsed(R"({"auths":{
        "q":{"username":"host"},"q/ns":{"username":"ns"},"q/ns/repo":{"username":"repo"}}})");
    BOOST_TEST(podman_user(file, "q", "ns/repo") == "repo");
    BOOST_TEST(podman_user(file, "q", "ns/repo2") == "ns");
    BOOST_TEST(podman_user(file, "q", "ns/deeper/repo") == "ns");
    BOOST_TEST(podman_user(file, "q", "nsx/repo") == "host");
    BOOST_TEST(podman_user(file, "r", "ns/repo") == "none");
}

BOOST_AUTO_TEST_CASE(old_flat_file_read) {
    const auto file = parsed(std::string(R"({"https://index.docker.io/v1/":)") + user_auth + "}");
    BOOST_TEST(docker_user(file, "docker.io") == "user/pa:ss");
}

// A secret that could break a header line is no secret.
BOOST_AUTO_TEST_CASE(control_characters_refused) {
    BOOST_TEST(docker_user(parsed(R"({"auths":{"r":{"auth":"dTpwCg=="}}})"), "r") == "u/");
    BOOST_TEST(
        docker_user(parsed(R"({"auths":{"r":{"username":"a\nb","password":"p"}}})"), "r")
        == "none");
}

BOOST_AUTO_TEST_CASE(damaged_file_is_an_error_without_its_content) {
    for (const char* text : {"{", "[]", R"({"auths":{"r":{"auth":"SECRET"}})", "null"}) {
        const auto file = auth_file::parse(text);
        BOOST_REQUIRE(!file.has_value());
        BOOST_TEST(file.error().message.find("SECRET") == std::string::npos);
    }
    BOOST_TEST(auth_file::parse(" \n").has_value());
}

BOOST_AUTO_TEST_CASE(setting_keeps_everything_else) {
    auto file =
        parsed(R"({"HttpHeaders":{"X":"y"},"auths":{"other":{"auth":"eDp5"},"docker.io":{}}})");
    auth::credentials who;
    who.username = "user";
    who.password = "pa:ss";
    file.set("docker.io", &who, false);
    BOOST_TEST(docker_user(file, "docker.io") == "user/pa:ss");
    BOOST_TEST(file.has("docker.io"));
    const std::string text = file.str();
    BOOST_TEST(text.find(R"("HttpHeaders":{"X":"y"})") != std::string::npos);
    BOOST_TEST(text.find(R"("other":{"auth":"eDp5"})") != std::string::npos);
    BOOST_TEST(text.find(R"("docker.io":{})") == std::string::npos);
    file.set("docker.io", nullptr, false);
    BOOST_TEST(!file.has("docker.io"));
    file.set("other", &who, true); // in a helper: a placeholder
    BOOST_TEST(file.str().find(R"("other":{})") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
