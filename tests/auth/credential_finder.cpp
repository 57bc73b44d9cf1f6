#include "auth/credential_finder.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <map>

BOOST_AUTO_TEST_SUITE(test_credential_finder)

using namespace tarpon;
using namespace tarpon::test;
using namespace auth;

/// A home, an environment that knows nothing but what a test puts in, and files in it.
struct home {
    temp_dir dir;
    std::map<std::string, std::string> variables;
    connection_options options;

    home() {
        variables["HOME"] = dir.path().string();
        variables["XDG_RUNTIME_DIR"] = (dir.path() / "run").string();
    }

    std::string put(const std::string& name, const std::string& user) {
        const auto path = dir.path() / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << R"({"auths":{"reg":{"username":")" << user
                            << R"(","password":"p"}}})";
        return path.string();
    }

    credentials find(const std::string& host = "reg", const std::string& repository = "team/app") {
        auto lookup = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        credential_finder finder(options, lookup);
        credentials found = finder.find(host, repository);
        places = finder.places();
        return found;
    }
    std::vector<std::string> places;
};

BOOST_AUTO_TEST_CASE(what_the_caller_gives_wins) {
    home at;
    at.put(".docker/config.json", "file");
    at.options.username = "caller";
    BOOST_TEST(at.find().username == "caller");
    BOOST_TEST(at.find().source == "--username");
    at.options.registry_token = "token";
    BOOST_TEST(at.find().registry_token == "token");
    BOOST_TEST(at.find().username.empty());
}

// The usual places, each hidden by the one before it.
BOOST_AUTO_TEST_CASE(places_in_order) {
    home at;
    BOOST_TEST(at.find().empty());
    at.put(".docker/config.json", "docker");
    BOOST_TEST(at.find().username == "docker");
    at.variables["DOCKER_CONFIG"] = (at.dir.path() / "elsewhere").string();
    BOOST_TEST(at.find().empty());
    at.put("elsewhere/config.json", "moved");
    BOOST_TEST(at.find().username == "moved");
    at.put(".config/containers/auth.json", "podman");
    BOOST_TEST(at.find().username == "podman");
    const std::string runtime = at.put("run/containers/auth.json", "runtime");
    BOOST_TEST(at.find().username == "runtime");
    BOOST_TEST(at.find().source == runtime);
    at.variables["DOCKER_AUTH_CONFIG"] =
        R"({"auths":{"reg":{"username":"variable","password":"p"}}})";
    BOOST_TEST(at.find().username == "variable");
    BOOST_TEST(at.find().source == "DOCKER_AUTH_CONFIG");
    at.variables["REGISTRY_AUTH_FILE"] = at.put("named.json", "named");
    BOOST_TEST(at.find().username == "named");
    at.options.auth_file = at.put("option.json", "option");
    BOOST_TEST(at.find().username == "option");
}

// A file that knows other registries only is passed over.
BOOST_AUTO_TEST_CASE(first_that_knows_the_registry_counts) {
    home at;
    at.put("run/containers/auth.json", "runtime");
    std::filesystem::create_directories(at.dir.path() / ".docker");
    std::ofstream(at.dir.path() / ".docker/config.json")
        << R"({"auths":{"other":{"username":"o","password":"p"}}})";
    BOOST_TEST(at.find("other").username == "o");
    BOOST_TEST(at.find("third").empty());
    BOOST_TEST(at.places.size() == 4u);
}

// A named file alone: nothing else is looked at, and if it cannot be used that is an error.
BOOST_AUTO_TEST_CASE(named_file_that_cannot_be_used_is_an_error) {
    home at;
    at.put(".docker/config.json", "docker");
    at.options.auth_file = at.dir.write("damaged.json", "{");
    BOOST_CHECK_EXCEPTION(at.find(), error, [&](const error& e) {
        return e.code() == errc::usage && e.message().find("damaged.json") != std::string::npos;
    });
    at.options.auth_file = at.dir.path().string();
    BOOST_CHECK_THROW(at.find(), error);
    at.options.auth_file = at.dir.write("huge.json", std::string((1 << 20) + 1, ' '));
    BOOST_CHECK_EXCEPTION(at.find(), error, [](const error& e) {
        return e.cause().find("auth_file_bytes_max") != std::string::npos;
    });
}

BOOST_AUTO_TEST_SUITE_END()
