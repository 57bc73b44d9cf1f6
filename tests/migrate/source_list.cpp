#include "migrate/source_list.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_source_list)

using namespace tarpon;
using namespace tarpon::migration;

namespace {

/// "archive>target@where" for each entry, or "!" and the message.
std::string shown(const result<std::vector<listed_source>>& list) {
    if (!list) {
        BOOST_TEST((list.error().code == errc::usage));
        return "!" + list.error().message;
    }
    std::string out;
    for (const listed_source& entry : *list)
        out += concat(out.empty() ? "" : " | ", entry.archive, ">", entry.target, "@", entry.where);
    return out;
}

std::string list(std::string_view text) {
    return shown(parse_source_list(text));
}
std::string yaml(std::string_view text) {
    return shown(parse_yaml_mapping(text));
}
std::string json(std::string_view text) {
    return shown(parse_json_mapping(text));
}

} // namespace

BOOST_AUTO_TEST_CASE(a_line_is_an_archive_and_perhaps_a_target) {
    BOOST_TEST(list("a.tar\nb.tar team/b:1\n") == "a.tar>@line 1 | b.tar>team/b:1@line 2");
    BOOST_TEST(list("a.tar") == "a.tar>@line 1");
    BOOST_TEST(list("") == "");
}

// As editors on Windows write them, with what people put between the lines.
BOOST_AUTO_TEST_CASE(blanks_comments_and_line_ends_do_not_count) {
    BOOST_TEST(
        list("\xef\xbb\xbf# all\r\n\r\n  a.tar \t t:1  # why\r\n\t\r\nb#1.tar\r\n")
        == "a.tar>t:1@line 3 | b#1.tar>@line 5");
}

BOOST_AUTO_TEST_CASE(quotes_keep_blanks) {
    BOOST_TEST(
        list("\"my image.tar\" t:1\n'it is \"it\".tar'\n\"a\\\"b\\\\c\\d.tar\"\npa' 'rt.tar\n")
        == "my image.tar>t:1@line 1 | it is \"it\".tar>@line 2 | a\"b\\c\\d.tar>@line 3 | "
           "pa rt.tar>@line 4");
}

BOOST_AUTO_TEST_CASE(a_line_that_is_wrong_is_named) {
    BOOST_TEST(
        list("ok.tar\nmy image.tar t:1")
        == "!line 2: more than an archive and a target; put "
           "quotes around a name with blanks");
    BOOST_TEST(list("\"open.tar") == "!line 1: a quote (\") is not closed");
    BOOST_TEST(list("'' t:1") == "!line 1: the archive's name is empty");
    BOOST_TEST(list("a.tar ''") == "!line 1: the target is empty");
    BOOST_TEST(
        list(std::string_view("a.tar\nb\0c.tar", 13)) == "!line 2: a NUL byte; a list is text");
}

BOOST_AUTO_TEST_CASE(a_list_is_bounded) {
    std::string text;
    for (std::size_t i = 0; i < limits::migrate_archives_max; ++i)
        text += "a\n";
    BOOST_TEST(parse_source_list(text).value().size() == limits::migrate_archives_max);
    BOOST_TEST(list(text + "a").ends_with("too many archives (migrate_archives_max)"));
}

BOOST_AUTO_TEST_CASE(yaml_has_a_map_of_targets) {
    BOOST_TEST(
        yaml("# images\na.tar: team/a:1\n\"b b.tar\": [team/b:1, 'team/b:2']\nc.tar:\nd.tar: ~\n"
             "e.tar:\n  - e:1\n  - e:2\n")
        == "a.tar>team/a:1@line 2 | b b.tar>team/b:1@line 3 | b b.tar>team/b:2@line 3 | "
           "c.tar>@line 4 | d.tar>@line 5 | e.tar>e:1@line 6 | e.tar>e:2@line 6");
}

BOOST_AUTO_TEST_CASE(yaml_has_a_list_of_entries) {
    BOOST_TEST(
        yaml("- archive: a.tar\n  target: team/a:1\n- b.tar\n- {targets: [x:1, x:2], archive: "
             "c.tar}\n- archive: d.tar\n")
        == "a.tar>team/a:1@line 1 | b.tar>@line 3 | c.tar>x:1@line 4 | c.tar>x:2@line 4 | "
           "d.tar>@line 5");
}

BOOST_AUTO_TEST_CASE(yaml_that_is_wrong_is_named_with_its_line) {
    BOOST_TEST(yaml("a.tar: {b: c}").starts_with("!line 1: expected ARCHIVE: TARGET"));
    BOOST_TEST(yaml("just text").starts_with("!line 1: expected"));
    BOOST_TEST(yaml("[[a.tar]]").starts_with("!line 1: expected"));
    BOOST_TEST(yaml("a.tar: x\na.tar: y") == "!line 2: \"a.tar\" stands here twice");
    BOOST_TEST(yaml("a.tar: x\nb.tar: []") == "!line 2: an empty list of targets");
    BOOST_TEST(yaml("- {target: x}") == "!line 1: an entry without \"archive\"");
    BOOST_TEST(
        yaml("- {archive: a, archive: b}") == "!line 1: \"archive\" stands twice in one entry");
    BOOST_TEST(
        yaml("- {archive: a, tag: b}")
        == "!line 1: \"tag\" is none of archive, target and targets");
    BOOST_TEST(yaml("a: 'x").starts_with("!line 1: not YAML: "));
    BOOST_TEST(yaml("a: b\n---\nc: d") == "!line 2: a second document");
    BOOST_TEST(
        yaml("a: !!binary aGk=").find("the tag tag:yaml.org,2002:binary") != std::string::npos);
    BOOST_TEST(yaml("\"\": x") == "!line 1: the archive's name is empty");
    BOOST_TEST(yaml("a: \"x\\0\"") == "!line 1: a NUL character in the target");
}

// A billion laughs: nothing is expanded, because there is nothing to be expanded.
BOOST_AUTO_TEST_CASE(yaml_aliases_are_refused) {
    BOOST_TEST(yaml("a: &x [t:1]\nb: *x\n") == "!line 2: an alias (*name); write the value out");
    BOOST_TEST(yaml("a: x\n<<: *y\n").starts_with("!line 2: "));
}

BOOST_AUTO_TEST_CASE(deep_yaml_ends_at_once) {
    BOOST_TEST(yaml(std::string(1'000'000, '[')).starts_with("!line 1: expected"));
    BOOST_TEST(yaml("a: " + std::string(1'000'000, '{')).starts_with("!line 1: expected"));
}

BOOST_AUTO_TEST_CASE(json_has_the_same_shapes) {
    BOOST_TEST(
        json(R"({"a.tar": "team/a:1", "b.tar": ["x:1", "x:2"], "c.tar": null})")
        == "a.tar>team/a:1@entry 1 | b.tar>x:1@entry 2 | b.tar>x:2@entry 2 | c.tar>@entry 3");
    BOOST_TEST(
        json(R"([{"archive": "a.tar", "target": "x:1"}, "b\/\ud83d\ude00.tar",
                 {"targets": ["y:1", "y:2"], "archive": "c.tar"}])")
        == "a.tar>x:1@entry 1 | b/\U0001F600.tar>@entry 2 | c.tar>y:1@entry 3 | c.tar>y:2@entry 3");
}

BOOST_AUTO_TEST_CASE(json_that_is_wrong_is_named_with_its_entry) {
    BOOST_TEST(json(R"({"a": "x", "b": 1})") == "!entry 2: something else than a text");
    BOOST_TEST(json(R"(["a", ["b"]])").starts_with("!entry 2: expected"));
    BOOST_TEST(json(R"({"a": {"b": "c"}})").starts_with("!entry 1: expected"));
    BOOST_TEST(json(R"("a")").starts_with("!the document: expected"));
    BOOST_TEST(json(R"([{"archive": ["a"]}])").starts_with("!entry 1: expected"));
    BOOST_TEST(json("{").starts_with("!"));
    BOOST_TEST(json(R"({"a": "x", "a": "y"})").find("stands twice") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
