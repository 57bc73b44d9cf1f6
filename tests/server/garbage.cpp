#include "server/garbage.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <string>

BOOST_AUTO_TEST_SUITE(test_garbage)

using namespace tarpon;
using namespace tarpon::server;
using names = std::vector<std::string>;

const touch_time start = touch_time() + std::chrono::hours(1'000);
const touch_time young = start + std::chrono::seconds(1);

/// A repository whose manifests and blobs go by names.
struct fixture {
    repository_picture picture;
    std::map<digest, std::string> known;
    bool untagged = false;

    digest of(const std::string& name) {
        const digest content = digest_of(name);
        known.emplace(content, name);
        return content;
    }
    manifest_facts& add(const std::string& name, const names& parts = {}) {
        manifest_facts facts{of(name), {}};
        for (const std::string& part : parts)
            facts.parts.push_back(of(part));
        facts.touched = start;
        picture.manifests.push_back(std::move(facts));
        link(name);
        return picture.manifests.back();
    }
    void link(const std::string& name, touch_time touched = start) {
        picture.links.push_back({of(name), touched});
    }
    repository_garbage found() { return find_garbage(picture, {start, untagged}); }
    names named(const std::vector<digest>& digests) {
        names all;
        for (const digest& one : digests)
            all.push_back(known.at(one));
        return all;
    }
    void check_manifests(names expected) {
        names gone = named(found().manifests);
        std::sort(gone.begin(), gone.end());
        std::sort(expected.begin(), expected.end());
        BOOST_TEST(gone == expected, boost::test_tools::per_element());
    }
    void check_links(const names& expected) {
        BOOST_TEST(named(found().links) == expected, boost::test_tools::per_element());
    }
    /// `first` goes before `then`.
    bool in_order(const std::string& first, const std::string& then) {
        const names gone = named(found().manifests);
        return std::find(gone.begin(), gone.end(), first)
               < std::find(gone.begin(), gone.end(), then);
    }
};

BOOST_FIXTURE_TEST_CASE(nothing_at_all, fixture) {
    check_manifests({});
    check_links({});
    BOOST_TEST(!found().oldest_young.has_value());
}

BOOST_FIXTURE_TEST_CASE(blob_that_no_manifest_names_goes, fixture) {
    add("image", {"config", "layer"}).tagged = true;
    for (const char* blob : {"config", "layer", "alone"})
        link(blob);
    check_manifests({});
    check_links({"alone"});
}

BOOST_FIXTURE_TEST_CASE(young_blob_stays_and_says_when_it_is_old, fixture) {
    link("old");
    link("new", young + std::chrono::seconds(5));
    link("newer", young + std::chrono::seconds(9));
    check_links({"old"});
    BOOST_TEST((found().oldest_young == young + std::chrono::seconds(5)));
}

// Somebody may pull it by its digest.
BOOST_FIXTURE_TEST_CASE(untagged_image_stays_unless_asked_otherwise, fixture) {
    add("image", {"config"});
    link("config");
    check_manifests({});
    check_links({});
    untagged = true;
    check_manifests({"image"});
    check_links({}); // once the manifest is gone
}

BOOST_FIXTURE_TEST_CASE(released_image_goes_unless_something_needs_it, fixture) {
    add("image").released = true;
    check_manifests({"image"});
    picture.manifests.back().tagged = true;
    check_manifests({});
    picture.manifests.back().tagged = false;
    add("index", {"image"}).tagged = true;
    check_manifests({});
    picture.manifests.back().tagged = false; // untagged, but not released
    check_manifests({});
}

// #3178 and #4939 of distribution: children of an index that is in use.
BOOST_FIXTURE_TEST_CASE(children_stay_and_go_with_their_index, fixture) {
    for (const char* child : {"amd64", "arm64", "shared"})
        add(child);
    add("inner", {"arm64", "shared"});
    add("index", {"amd64", "inner"}).tagged = true;
    add("other", {"shared"}).tagged = true;
    untagged = true;
    check_manifests({});
    picture.manifests[4].tagged = false;
    check_manifests({"amd64", "arm64", "inner", "index"});
    untagged = false;
    check_manifests({});
    picture.manifests[4].released = true;
    check_manifests({"amd64", "arm64", "inner", "index"});
    for (const char* child : {"amd64", "inner", "arm64"})
        BOOST_TEST(in_order("index", child), child);
    BOOST_TEST(in_order("inner", "arm64"));
    picture.manifests[0].tagged = true; // a platform that also has a tag
    check_manifests({"arm64", "inner", "index"});
}

BOOST_FIXTURE_TEST_CASE(referrers_stay_and_go_with_their_subject, fixture) {
    add("image").tagged = true;
    add("signature").subject = of("image");
    add("signature of it").subject = of("signature");
    add("signature of nothing").subject = of("not there");
    untagged = true;
    check_manifests({"signature of nothing"});
    untagged = false;
    check_manifests({});
    picture.manifests[0].tagged = false;
    picture.manifests[0].released = true;
    check_manifests({"image", "signature", "signature of it"});
    BOOST_TEST(in_order("image", "signature"));
    BOOST_TEST(in_order("signature", "signature of it"));
    picture.manifests[2].tagged = true; // keeps itself, not its subject
    check_manifests({"image", "signature"});
}

BOOST_FIXTURE_TEST_CASE(young_manifest_keeps_what_it_is_made_of, fixture) {
    add("child");
    add("index", {"child"}).released = true;
    picture.manifests.back().touched = young;
    check_manifests({});
    BOOST_TEST((found().oldest_young == young));
    picture.manifests.back().touched = start;
    picture.manifests.front().touched = young; // a push asked for the child
    check_manifests({"index"});
}

// zot #4318: every path through a diamond of indexes is not every index.
BOOST_FIXTURE_TEST_CASE(diamond_of_indexes_is_walked_once, fixture) {
    add("0a");
    add("0b");
    for (int level = 1; level <= 40; ++level)
        for (const char* side : {"a", "b"}) {
            const std::string below = std::to_string(level - 1);
            add(std::to_string(level) + side, {below + "a", below + "b"});
        }
    picture.manifests.back().released = true;
    check_manifests({"40b"}); // 40a is not released, and needs all the others
    picture.manifests[picture.manifests.size() - 2].released = true;
    BOOST_TEST(found().manifests.size() == 82u);
    BOOST_TEST(in_order("40a", "0a"));
    picture.manifests.back().tagged = true;
    check_manifests({"40a"});
}

BOOST_FIXTURE_TEST_CASE(long_chain_takes_no_stack, fixture) {
    add("0");
    for (int i = 1; i < 20'000; ++i)
        add(std::to_string(i), {std::to_string(i - 1)});
    picture.manifests.back().released = true;
    BOOST_TEST(found().manifests.size() == 20'000u);
}

// A manifest that names itself or is named twice is no cycle.
BOOST_FIXTURE_TEST_CASE(odd_edges_do_no_harm, fixture) {
    add("image", {"image", "child", "child", "child"}).released = true;
    picture.manifests.back().subject = of("image");
    add("child", {"config"});
    check_manifests({"image", "child"});
    picture.manifests.front().tagged = true;
    check_manifests({});
}

// An index can name as its subject one of its own parts.
BOOST_FIXTURE_TEST_CASE(circle_of_part_and_subject_goes, fixture) {
    add("index", {"image"}).subject = of("image");
    add("image", {"config"});
    picture.manifests.front().released = true;
    picture.manifests.back().released = true;
    check_manifests({"index", "image"});
}

BOOST_AUTO_TEST_SUITE_END()
