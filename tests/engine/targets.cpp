#include "engine/targets.hpp"

#include "archive/archive_file.hpp"
#include "support/image_builder.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_targets)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using archive::archive_contents;
using engine::find_targets;
using engine::target_list;

archive_contents contents_of(const std::string& tar) {
    const temp_dir dir;
    return archive::archive_file::open(dir.write("a.tar", tar)).value().index().value();
}

/// An archive with one image for each list of names.
archive_contents archive_with(const std::vector<std::vector<std::string>>& names) {
    std::vector<built_image> images;
    unsigned seed = 0;
    for (const auto& each : names)
        images.push_back(make_image({make_layer(++seed, 100)}, each));
    return contents_of(docker_archive(images));
}

/// An OCI archive whose image has a tag and no name, as skopeo and oras write.
archive_contents archive_with_bare_tag() {
    oci_builder oci;
    const blob root = oci.image(make_image({make_layer(1, 100)}, {}));
    return contents_of(
        oci.archive({root.json(annotation("org.opencontainers.image.ref.name", "1.0"))}));
}

destination registry(std::string name) {
    destination where;
    where.registry = std::move(name);
    return where;
}

destination to(std::vector<std::string> names, std::string image = {}) {
    destination where;
    where.to = std::move(names);
    where.image = std::move(image);
    return where;
}

/// "0 host/path:tag,tag", one line a target; then "0: code" for each image without a place.
std::string shown(const result<target_list>& list) {
    if (!list)
        return "error";
    std::string text;
    for (const auto& target : list->targets) {
        text += std::to_string(target.image) + " " + target.where.str();
        for (const std::string& tag : target.tags)
            text += (&tag == &target.tags.front() ? ":" : ",") + tag;
        text += "\n";
    }
    for (const auto& image : list->unplaced)
        text +=
            std::to_string(image.image) + ": " + make_error_code(image.why.code).message() + "\n";
    return text;
}

// --registry: names and tags come from the archive, hosts do not.
BOOST_AUTO_TEST_CASE(registry_takes_the_names_of_the_archive) {
    const auto contents =
        archive_with({{"a:1", "a:2", "b:1"}, {"registry.example.com:8443/team/two:v2"}});
    BOOST_TEST(
        shown(find_targets(contents, registry("reg.example.com/team")))
        == "0 reg.example.com/team/a:1,2\n0 reg.example.com/team/b:1\n"
           "1 reg.example.com/team/team/two:v2\n");
    BOOST_TEST(
        shown(find_targets(contents, registry("localhost:5000")))
        == "0 localhost:5000/a:1,2\n0 localhost:5000/b:1\n1 localhost:5000/team/two:v2\n");
    BOOST_TEST(
        shown(find_targets(contents, registry("https://reg.example.com/team//")))
        == shown(find_targets(contents, registry("reg.example.com/team"))));
}

// A client of the server names images one by one, below the registry that the server pushes into.
BOOST_AUTO_TEST_CASE(placements_name_images_below_the_registry) {
    const auto contents = archive_with({{"a:1", "a:2"}, {"b:1"}, {}});
    destination where = registry("http://localhost:5000/team");
    where.placements = {{"b:1", "x/b"}, {"@3", "c:9"}, {"b", "x/b:2"}};
    BOOST_TEST((!engine::check_destination(where).has_error()));
    BOOST_TEST(
        shown(find_targets(contents, where))
        == "1 localhost:5000/team/x/b:latest,2\n2 localhost:5000/team/c:9\n");
    BOOST_TEST(engine::staging_repository(where)->str() == "localhost:5000/team/tarpon-staging");
    where.placements = {{"none:1", "x"}};
    BOOST_TEST(shown(find_targets(contents, where)) == "error");
    for (const char* name : {"evil.example/x:1", "X", ""}) {
        where.placements = {{"@1", name}};
        BOOST_TEST(engine::check_destination(where).has_error(), name);
        BOOST_TEST(shown(find_targets(contents, where)) == "error", name);
    }
}

// docker.io's one-word repositories live under library/, whatever its host is called.
BOOST_AUTO_TEST_CASE(docker_hub_has_its_library) {
    const auto contents = archive_with({{"busybox:1"}});
    for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"})
        BOOST_TEST(
            shown(find_targets(contents, registry(name))) == "0 docker.io/library/busybox:1\n");
    BOOST_TEST(
        shown(find_targets(contents, registry("docker.io/alice")))
        == "0 docker.io/alice/busybox:1\n");
    BOOST_TEST(
        shown(find_targets(contents, to({"busybox:2"}))) == "0 docker.io/library/busybox:2\n");
    BOOST_TEST(shown(find_targets(contents, to({"alice/b"}))) == "0 docker.io/alice/b:latest\n");
}

// Only the scheme in front decides whether it is plain http.
BOOST_AUTO_TEST_CASE(scheme_stays_with_the_repository) {
    const auto contents = archive_with({{"a:1"}});
    const auto scheme_of = [&](const destination& where) {
        return find_targets(contents, where).value().targets.at(0).where.scheme;
    };
    using registry::scheme_choice;
    BOOST_TEST((scheme_of(registry("http://h.example.com")) == scheme_choice::http));
    BOOST_TEST((scheme_of(registry("https://h.example.com")) == scheme_choice::https));
    BOOST_TEST((scheme_of(registry("h.example.com")) == scheme_choice::by_host));
    BOOST_TEST((scheme_of(to({"http://h.example.com/x"})) == scheme_choice::http));
    BOOST_TEST((scheme_of(to({"docker://h.example.com/x"})) == scheme_choice::by_host));
}

// An image without a name has no place; the others have.
BOOST_AUTO_TEST_CASE(unnamed_image_has_no_place) {
    BOOST_TEST(
        shown(find_targets(archive_with({{"a:1"}, {}}), registry("h:1")))
        == "0 h:1/a:1\n1: " + make_error_code(errc::archive_unnamed).message() + "\n");
    const auto bare = find_targets(archive_with_bare_tag(), registry("h:1"));
    BOOST_REQUIRE(bare.value().unplaced.size() == 1u);
    BOOST_TEST(bare->unplaced[0].why.code == errc::archive_unnamed);
    BOOST_TEST(bare->unplaced[0].why.message.find("has a tag but no name") != std::string::npos);
}

// A tag of the archive goes with a name of the user, unless he gives one himself.
BOOST_AUTO_TEST_CASE(bare_tag_is_combined_with_the_users_name) {
    const auto contents = archive_with_bare_tag();
    BOOST_TEST(shown(find_targets(contents, to({"h:1/x"}))) == "0 h:1/x:1.0\n");
    BOOST_TEST(shown(find_targets(contents, to({"h:1/x:2"}))) == "0 h:1/x:2\n");
}

// --to: one image, under exactly these names.
BOOST_AUTO_TEST_CASE(to_names_one_image) {
    const auto contents = archive_with({{"a:1", "a:2"}});
    BOOST_TEST(
        shown(find_targets(contents, to({"h:1/x:1", "h:1/x:2", "h:2/y", "h:1/x:1"})))
        == "0 h:1/x:1,2\n0 h:2/y:latest\n");
}

// With several images the user must say which, and is told what there is.
BOOST_AUTO_TEST_CASE(several_images_need_a_choice) {
    const auto contents = archive_with({{"a:1"}, {"b:1", "team/b:2"}, {}});
    const auto refused = find_targets(contents, to({"h:1/x"}));
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().code == errc::usage);
    for (const char* word : {"3 images", "--image", "@1  a:1", "@2  b:1", "@3  image 3"})
        BOOST_TEST(refused.error().message.find(word) != std::string::npos, word);
    const std::pair<const char*, int> choices[] = {{"@1", 0},  {"@3", 2},       {"a", 0},
                                                   {"b:1", 1}, {"team/b:2", 1}, {"team/b", 1}};
    for (const auto& [selector, image] : choices)
        BOOST_TEST(
            shown(find_targets(contents, to({"h:1/x:t"}, selector)))
            == std::to_string(image) + " h:1/x:t\n");
    for (const char* selector :
         {"@0", "@4", "@-1", "@x", "@", "c", "a:9", "b:2", ":::", "@99999999999999999999"}) {
        const auto none = find_targets(contents, to({"h:1/x"}, selector));
        BOOST_REQUIRE_MESSAGE(!none, selector);
        BOOST_TEST(none.error().code == errc::usage);
    }
}

BOOST_AUTO_TEST_CASE(choice_that_fits_two_images_is_refused) {
    const auto contents = archive_with({{"a:1"}, {"a:2"}});
    const auto refused = find_targets(contents, to({"h:1/x"}, "a"));
    BOOST_REQUIRE(!refused);
    BOOST_TEST(refused.error().message.find("more than one") != std::string::npos);
    BOOST_TEST(shown(find_targets(contents, to({"h:1/x"}, "a:2"))) == "1 h:1/x:latest\n");
}

// --image with --registry: that image alone, under its own names.
BOOST_AUTO_TEST_CASE(choice_narrows_a_registry_push) {
    auto where = registry("h:1");
    where.image = "@2";
    BOOST_TEST(shown(find_targets(archive_with({{"a:1"}, {"b:1"}}), where)) == "1 h:1/b:1\n");
}

// Nobody can say which of the two is meant, so neither goes; the third does.
BOOST_AUTO_TEST_CASE(two_images_of_one_name_are_refused) {
    const auto contents = archive_with({{"x/a:1"}, {"b:1"}, {"y.example.com/x/a:1", "c:1"}});
    const auto list = find_targets(contents, registry("h:1"));
    const std::string why = make_error_code(errc::archive_metadata).message();
    BOOST_TEST(shown(list) == "1 h:1/b:1\n0: " + why + "\n2: " + why + "\n");
    BOOST_TEST(
        list->unplaced[0].why.message == "image @1 of it would become h:1/x/a:1, and so would @3");
    BOOST_TEST(
        list->unplaced[1].why.message == "image @3 of it would become h:1/x/a:1, and so would @1");
}

BOOST_AUTO_TEST_CASE(many_images_of_one_name_are_not_all_listed) {
    const auto contents = archive_with({{"a:1"}, {"a:1"}, {"a:1"}, {"a:1"}, {"a:1"}, {"a:1"}});
    const auto list = find_targets(contents, registry("h:1"));
    BOOST_TEST(
        list->unplaced[0].why.message
        == "image @1 of it would become h:1/a:1, and so would @2, @3, @4 and 2 more");
}

BOOST_AUTO_TEST_CASE(rules_rewrite_names) {
    auto where = registry("h:1/p");
    where.map = {{"^fixture/(.*)$", "team/$1"}, {"fixture", "never"}, {"^(b)$", "$1$1"}};
    const auto contents = archive_with({{"fixture/base:1"}, {"b:1"}, {"other:1"}});
    BOOST_TEST(
        shown(find_targets(contents, where))
        == "0 h:1/p/team/base:1\n1 h:1/p/bb:1\n2 h:1/p/other:1\n");
}

// A rule that makes a name no repository can have concerns that image.
BOOST_AUTO_TEST_CASE(rule_that_makes_no_name_leaves_the_image_out) {
    auto where = registry("h:1");
    where.map = {{"^a$", "A//B"}};
    BOOST_TEST(
        shown(find_targets(archive_with({{"a:1"}, {"b:1"}}), where))
        == "1 h:1/b:1\n0: " + make_error_code(errc::usage).message() + "\n");
}

// An exponential pattern ends in an error, not in hours.
BOOST_AUTO_TEST_CASE(bad_rules_are_refused) {
    for (const char* pattern : {"(", "[", "*", "a{2,1}"}) {
        const auto mapped = engine::map_path("a", {{pattern, "x"}});
        BOOST_REQUIRE_MESSAGE(!mapped, pattern);
        BOOST_TEST(mapped.error().code == errc::usage);
    }
    const auto slow = engine::map_path(std::string(64, 'a') + "!", {{"^(a|a?)+$", "x"}});
    BOOST_TEST((!slow || *slow == std::string(64, 'a') + "!"));
}

const char* const bad_registries[] = {"a b",    "h:1/UPPER", "h:1//x", "h:1/x/-",
                                      "user@h", "/x",        "http://"};

BOOST_DATA_TEST_CASE(bad_registry_is_refused, bdata::make(bad_registries), name) {
    const auto checked = engine::check_destination(registry(name));
    BOOST_REQUIRE(!checked);
    BOOST_TEST(checked.error().code == errc::usage);
}

const std::string some_digest = "@sha256:" + std::string(64, '0');

BOOST_DATA_TEST_CASE(
    bad_to_is_refused,
    bdata::make(
        {std::string("h:1/UPPER"), std::string("h:1/x:a b"), std::string(":"),
         "h:1/x" + some_digest}),
    name) {
    const auto checked = engine::check_destination(to({"h:1/good", name}));
    BOOST_REQUIRE(!checked);
    BOOST_TEST(checked.error().code == errc::usage);
    BOOST_TEST(checked.error().message.find("--to") != std::string::npos);
}

// What can be wrong without an archive is found before one is opened.
BOOST_AUTO_TEST_CASE(destination_is_one_of_two) {
    BOOST_TEST(!engine::check_destination({}));
    auto both = registry("h:1");
    both.to = {"h:1/x"};
    BOOST_TEST(!engine::check_destination(both));
    auto mapped = to({"h:1/x"});
    mapped.map = {{"a", "b"}};
    BOOST_TEST(!engine::check_destination(mapped));
    auto bad_rule = registry("h:1");
    bad_rule.map = {{"(", "b"}};
    BOOST_TEST(!engine::check_destination(bad_rule));
    auto bad_staging = registry("h:1");
    bad_staging.staging = "UPPER";
    BOOST_TEST(!engine::check_destination(bad_staging));
    BOOST_TEST(engine::check_destination(registry("h:1/x")).has_value());
    BOOST_TEST(engine::check_destination(to({"h:1/x"})).has_value());
}

// Refusals are shown and logged: a password before an '@' must not be in them.
BOOST_AUTO_TEST_CASE(refusals_do_not_repeat_what_stands_before_an_at_sign) {
    auto staged = registry("h:1");
    staged.staging = "u:hunter2@h/x";
    for (const destination& where :
         {registry("u:hunter2@h:1"), registry("https://u:hun/hunter2@h/team"),
          to({"u:hunter2@h/x:1"}), to({"https://u:p@hunter2@h/x"}), staged}) {
        const auto checked = engine::check_destination(where);
        BOOST_REQUIRE(!checked);
        BOOST_TEST((checked.error().code == errc::usage));
        BOOST_TEST(
            checked.error().message.find("hunter2") == std::string::npos, checked.error().message);
    }
}

// A pipe's blobs go to where the user points, else to a repository of their own.
BOOST_AUTO_TEST_CASE(staging_is_the_first_to_or_its_own) {
    const auto shown_staging = [](const destination& where) {
        return engine::staging_repository(where).value().str();
    };
    BOOST_TEST(shown_staging(to({"h:1/x:1", "h:2/y"})) == "h:1/x");
    BOOST_TEST(shown_staging(registry("h:1/team")) == "h:1/team/tarpon-staging");
    BOOST_TEST(shown_staging(registry("h:1")) == "h:1/tarpon-staging");
    auto chosen = registry("h:1/team");
    chosen.staging = "other/place";
    BOOST_TEST(shown_staging(chosen) == "h:1/other/place");
}

BOOST_AUTO_TEST_CASE(target_is_shown_by_its_first_reference) {
    const engine::repository where{"h:1", "team/a", {}};
    BOOST_TEST((engine::image_target{0, where, {"1", "2"}}.str()) == "h:1/team/a:1");
    BOOST_TEST((engine::image_target{0, where, {}}.str()) == "h:1/team/a");
}

BOOST_AUTO_TEST_SUITE_END()
