#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/login.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_login)

using namespace tarpon;
using namespace tarpon::test;

/// Logs out with a credential file of its own.
login_report logged_out(const temp_dir& dir, const std::string& host) {
    connection_options options;
    options.auth_file = dir.write("config.json", R"({"auths":{"docker.io":{"auth":"eDp5"}}})");
    return logout(host, options);
}

BOOST_AUTO_TEST_CASE(hosts_are_taken_as_docker_writes_them) {
    const temp_dir dir;
    BOOST_TEST(logged_out(dir, "https://index.docker.io/v1/").host == "docker.io");
    BOOST_TEST(logged_out(dir, "").host == "docker.io");
    BOOST_TEST(logged_out(dir, "http://localhost:5000").host == "localhost:5000");
    BOOST_TEST(logged_out(dir, "[::1]:5000/team").host == "[::1]:5000");
}

// What is shown must not hold a password that somebody wrote into the address.
BOOST_AUTO_TEST_CASE(malformed_hosts_are_refused_without_their_password) {
    const temp_dir dir;
    for (const char* host :
         {"https://u:hunter2@localhost:1", "u:hunter2@h", "u:p/hunter2@h", "hunter2@", "bad host",
          "-x", "h:99999"}) {
        const auto refused_quietly = [](const error& e) {
            return e.code() == errc::usage && e.message().find("hunter2") == std::string::npos;
        };
        BOOST_CHECK_EXCEPTION(logged_out(dir, host), error, refused_quietly);
    }
}

BOOST_AUTO_TEST_SUITE_END()
