#include "archive/entry_table.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_entry_table)

using namespace tarpon;
using namespace tarpon::archive;
using table = archive::entry_table;

tar_entry file(std::string name, std::uint64_t size = 1) {
    return {std::move(name), "", entry_kind::file, 512, size};
}

tar_entry link(std::string name, std::string target, entry_kind kind = entry_kind::symlink) {
    return {std::move(name), std::move(target), kind, 0, 0};
}

std::string found(const table& t, std::string_view name) {
    const auto id = t.find(name);
    return id ? t.at(*id).name : "error: " + id.error().message;
}

BOOST_AUTO_TEST_CASE(names_are_normalised_on_both_sides) {
    table t;
    t.add(file("./blobs/sha256/x"));
    BOOST_TEST(found(t, "blobs/sha256/x") == "blobs/sha256/x");
    BOOST_TEST(found(t, "./blobs//sha256/x") == "blobs/sha256/x");
}

BOOST_AUTO_TEST_CASE(backslashes_are_a_fallback_only) {
    table t;
    t.add(file("id/layer.tar"));
    BOOST_TEST(found(t, "id\\layer.tar") == "id/layer.tar");
    t.add(file("id\\layer.tar"));
    BOOST_TEST(found(t, "id\\layer.tar") == "id\\layer.tar");
}

BOOST_AUTO_TEST_CASE(links_are_followed_before_and_after_their_target) {
    table t;
    t.add(link("a/layer.tar", "../b/layer.tar"));
    t.add(file("b/layer.tar"));
    t.add(link("c/layer.tar", "../a/layer.tar"));
    t.add(link("hard", "b/layer.tar", entry_kind::hard_link));
    for (const char* name : {"a/layer.tar", "c/layer.tar", "hard"})
        BOOST_TEST(found(t, name) == "b/layer.tar");
}

BOOST_AUTO_TEST_CASE(loops_and_dangling_links_are_missing) {
    table t;
    t.add(link("a", "b"));
    t.add(link("b", "a"));
    t.add(link("c", "nowhere"));
    t.add(link("d", "../../etc/passwd"));
    for (const char* name : {"a", "c", "d", "../../etc/passwd", "absent"}) {
        const auto id = t.find(name);
        BOOST_REQUIRE(!id);
        BOOST_TEST((id.error().code == errc::archive_blob_missing));
    }
}

BOOST_AUTO_TEST_CASE(chain_length_is_limited) {
    const auto chain = [](int links) {
        table t;
        for (int i = 0; i < links; ++i)
            t.add(link(
                "l" + std::to_string(i), i + 1 == links ? "end" : "l" + std::to_string(i + 1)));
        t.add(file("end"));
        return t.find("l0").has_value();
    };
    BOOST_TEST(chain(16));
    BOOST_TEST(!chain(17));
}

BOOST_AUTO_TEST_CASE(names_above_the_root_never_match) {
    table t;
    t.add(file("../x"));
    BOOST_TEST(t.size() == 0u);
}

BOOST_AUTO_TEST_CASE(sparse_is_unsupported) {
    table t;
    t.add({"s", "", entry_kind::sparse, 0, 1});
    BOOST_TEST((t.find("s").error().code == errc::archive_unsupported));
}

BOOST_AUTO_TEST_CASE(first_of_a_name_wins_and_others_are_known) {
    table t;
    t.add(file("x", 1));
    t.add(file("x", 2));
    t.add(file("y", 3));
    const auto id = t.find("x").value();
    BOOST_TEST(t.at(id).size == 1u);
    const auto others = t.duplicates_of(id);
    BOOST_REQUIRE(others.size() == 1u);
    BOOST_TEST(t.at(others[0]).size == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
