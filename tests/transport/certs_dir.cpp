#include "transport/certs_dir.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_certs_dir)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace fs = std::filesystem;

std::vector<std::string> names(const std::vector<std::string>& paths) {
    std::vector<std::string> found;
    for (const std::string& path : paths)
        found.push_back(fs::path(path).filename().string());
    return found;
}

BOOST_AUTO_TEST_CASE(authorities_and_pairs_found_in_order) {
    const temp_dir dir;
    fs::create_directories(dir.path() / "reg:5000");
    for (const char* name : {"b.crt", "a.crt", "me.cert", "me.key", "readme.txt"})
        dir.write(std::string("reg:5000/") + name, "x");
    const auto found = find_host_certificates(dir.path().string(), {true, "reg", 5000}).value();
    BOOST_TEST(
        names(found.authorities) == (std::vector<std::string>{"a.crt", "b.crt"}),
        boost::test_tools::per_element());
    BOOST_REQUIRE(found.ours.size() == 1u);
    BOOST_TEST(fs::path(found.ours[0].cert_file).filename() == "me.cert");
    BOOST_TEST(fs::path(found.ours[0].key_file).filename() == "me.key");
}

// Without a port the folder is for https's own.
BOOST_AUTO_TEST_CASE(folder_is_the_host_and_its_port) {
    const temp_dir dir;
    fs::create_directories(dir.path() / "reg");
    dir.write("reg/ca.crt", "x");
    const std::string folder = dir.path().string();
    BOOST_TEST(!find_host_certificates(folder, {true, "reg", 443})->empty());
    BOOST_TEST(find_host_certificates(folder, {true, "reg", 5000})->empty());
    BOOST_TEST(find_host_certificates(folder, {true, "other", 443})->empty());
    BOOST_TEST(find_host_certificates("/nonexistent", {true, "reg", 443})->empty());
}

BOOST_AUTO_TEST_CASE(half_a_pair_is_an_error) {
    const temp_dir dir;
    fs::create_directories(dir.path() / "reg");
    dir.write("reg/me.cert", "x");
    auto found = find_host_certificates(dir.path().string(), {true, "reg", 443});
    BOOST_REQUIRE(!found.has_value());
    BOOST_TEST(found.error().code == errc::usage);
    BOOST_TEST(found.error().message.find("me.key") != std::string::npos);
    fs::rename(dir.path() / "reg/me.cert", dir.path() / "reg/me.key");
    found = find_host_certificates(dir.path().string(), {true, "reg", 443});
    BOOST_REQUIRE(!found.has_value());
    BOOST_TEST(found.error().message.find("me.cert") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
