#include "archive/entry_name.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_entry_name)

using namespace tarpon::archive;

BOOST_AUTO_TEST_CASE(normal_forms) {
    BOOST_TEST(normalize_entry_name("./blobs//sha256/./x").value() == "blobs/sha256/x");
    BOOST_TEST(normalize_entry_name("/manifest.json").value() == "manifest.json");
    BOOST_TEST(normalize_entry_name("a/../b/c/").value() == "b/c");
    BOOST_TEST(normalize_entry_name("sha256:abc").value() == "sha256:abc");
    BOOST_TEST(normalize_entry_name("./").value().empty());
}

BOOST_AUTO_TEST_CASE(climbing_out_has_no_name) {
    BOOST_TEST(!normalize_entry_name("../x"));
    BOOST_TEST(!normalize_entry_name("a/../../etc/passwd"));
    BOOST_TEST(!normalize_entry_name("../../etc/passwd"));
}

BOOST_AUTO_TEST_CASE(symlink_is_relative_to_its_folder) {
    BOOST_TEST(resolve_symlink("a/layer.tar", "../b/layer.tar").value() == "b/layer.tar");
    BOOST_TEST(resolve_symlink("link", "target").value() == "target");
    BOOST_TEST(resolve_symlink("a/b/link", "/c").value() == "c");
    BOOST_TEST(!resolve_symlink("a/link", "../../x"));
}

BOOST_AUTO_TEST_SUITE_END()
