#include "auth/credential_store.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(test_credential_store)

using namespace tarpon;
using namespace tarpon::test;
using namespace auth;
namespace fs = std::filesystem;

credentials somebody() {
    credentials who;
    who.username = "user";
    who.password = "pass";
    return who;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

unsigned mode_of(const fs::path& file) {
    struct stat info {};
    BOOST_REQUIRE(::stat(file.c_str(), &info) == 0);
    return info.st_mode & 0777u;
}

// Nobody else may read what is stored, and no half-written file is ever seen.
BOOST_AUTO_TEST_CASE(new_file_and_folder_are_private) {
    const temp_dir dir;
    const fs::path file = dir.path() / ".docker" / "config.json";
    BOOST_TEST(store_credentials(file.string(), "reg:5000", somebody()) == file.string());
    BOOST_TEST(text_of(file) == "{\"auths\":{\"reg:5000\":{\"auth\":\"dXNlcjpwYXNz\"}}}\n");
    BOOST_TEST(mode_of(file) == 0600u);
    BOOST_TEST(mode_of(file.parent_path()) == 0700u);
    BOOST_TEST(std::distance(fs::directory_iterator(file.parent_path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(symbolic_link_is_followed_not_replaced) {
    const temp_dir dir;
    const std::string real = dir.write("real.json", R"({"credsStore":"","x":1})");
    const fs::path link = dir.path() / "config.json";
    fs::create_symlink(real, link);
    store_credentials(link.string(), "reg", somebody());
    BOOST_TEST(fs::is_symlink(link));
    BOOST_TEST(text_of(real).find("\"x\":1") != std::string::npos);
    BOOST_TEST(text_of(real).find("dXNlcjpwYXNz") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(removing_what_is_not_there_is_fine) {
    const temp_dir dir;
    const std::string file = (dir.path() / "config.json").string();
    BOOST_TEST(remove_credentials(file, "reg").empty());
    BOOST_TEST(!fs::exists(file));
    store_credentials(file, "reg", somebody());
    BOOST_TEST(remove_credentials(file, "reg") == file);
    BOOST_TEST(text_of(file) == "{\"auths\":{}}\n");
}

BOOST_AUTO_TEST_CASE(damaged_file_is_left_alone) {
    const temp_dir dir;
    const std::string file = dir.write("config.json", "{ not JSON");
    BOOST_CHECK_THROW(store_credentials(file, "reg", somebody()), error);
    BOOST_TEST(text_of(file) == "{ not JSON");
}

BOOST_AUTO_TEST_SUITE_END()
