#include "server/referrer_store.hpp"

#include "model/hasher.hpp"
#include "server/storage_layout.hpp"
#include "support/manifest_texts.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_referrer_store)

using namespace tarpon;
using namespace tarpon::server;
using namespace tarpon::test;
namespace json = boost::json;

archive::manifest_document parsed(const std::string& text, const std::string& type) {
    auto document = archive::parse_manifest(text, type);
    BOOST_REQUIRE(document.has_value());
    return std::move(*document);
}

struct fixture {
    temp_dir dir;
    folder root{dir.path().string()};
    referrer_store referrers{root};
    const std::string image = image_text("{}", {});
    const digest subject = digest_of(image);

    digest add(const std::string& more, bool index = false) {
        const std::string text = index ? index_of({}, more) : image_text("{}", {}, more);
        const std::string type = index ? oci_index : oci_manifest;
        const descriptor self{type, digest_of(text), text.size()};
        referrers.add("a", self, parsed(text, type));
        return self.digest;
    }
    referrer_store::page list(
        const std::string& type = {},
        const std::string& after = {},
        const std::function<bool(const digest&)>& is_there = [](const digest&) { return true; }) {
        return referrers.list("a", subject, type, after, is_there);
    }
};

// The type of an artifact without one is its config's; an index without one has none.
BOOST_AUTO_TEST_CASE(descriptor_says_what_the_specification_asks) {
    const auto text_of = [](const std::string& text, const std::string& type) {
        return json::parse(referrer_text({type, digest_of(text), text.size()}, parsed(text, type)));
    };
    const json::value image = text_of(image_text("{}", {}), oci_manifest);
    BOOST_TEST(image.at("artifactType").as_string() == "application/vnd.oci.image.config.v1+json");
    BOOST_TEST(!image.as_object().contains("annotations"));
    const std::string more = R"(,"artifactType":"a/b","annotations":{"k":"v","l":"<\u0001>"})";
    const json::value typed = text_of(image_text("{}", {}, more), oci_manifest);
    BOOST_TEST(typed.at("artifactType").as_string() == "a/b");
    BOOST_TEST(typed.at("annotations").as_object().size() == 2u);
    const json::value index = text_of(index_of({}), oci_index);
    BOOST_TEST(!index.as_object().contains("artifactType"));
    BOOST_TEST(index.at("mediaType").as_string() == oci_index);
}

BOOST_FIXTURE_TEST_CASE(manifest_without_subject_refers_to_nothing, fixture) {
    add("");
    BOOST_TEST(list().descriptors.empty());
    BOOST_TEST(root.list("repositories").empty());
}

BOOST_FIXTURE_TEST_CASE(listed_by_type_and_only_what_is_there, fixture) {
    const std::string to = subject_of(image);
    const digest one = add(to + R"(,"artifactType":"a/one")"), two = add(to), index = add(to, true);
    BOOST_TEST(list().descriptors.size() == 3u);
    BOOST_TEST(list("a/one").descriptors.size() == 1u);
    BOOST_TEST(list("a/none").descriptors.empty());
    BOOST_TEST(list().next == "");
    const auto not_two = [&](const digest& other) {
        return other != two;
    };
    BOOST_TEST(list({}, {}, not_two).descriptors.size() == 2u);
    referrers.remove("a", subject, one);
    referrers.remove("a", subject, one);
    BOOST_TEST(list().descriptors.size() == 2u);
    BOOST_TEST(
        (referrers.of("a", subject)
         == std::vector<digest>{std::min(two, index), std::max(two, index)}));
    BOOST_TEST(referrers.of("b", subject).empty());
}

// Annotations of 4 MiB each must not become one answer of gigabytes.
BOOST_FIXTURE_TEST_CASE(answers_come_in_pages, fixture) {
    std::vector<digest> all;
    for (int i = 0; i < 5; ++i)
        all.push_back(
            add(subject_of(image) + R"(,"annotations":{"k":")" + std::to_string(i)
                + std::string(static_cast<std::size_t>(limits::manifest_bytes_max) * 2 / 5, 'x')
                + "\"}"));
    std::sort(all.begin(), all.end());
    std::vector<digest> seen;
    std::string after;
    int pages = 0;
    do {
        const auto page = list({}, after);
        BOOST_TEST(page.descriptors.size() <= 2u);
        for (const std::string& one : page.descriptors)
            seen.push_back(*digest::parse(json::parse(one).at("digest").as_string().c_str()));
        after = page.next;
        ++pages;
    } while (!after.empty());
    BOOST_TEST(pages == 3);
    BOOST_TEST((seen == all));
}

// Derived: what is damaged is left out, and keeps nobody else from being seen.
BOOST_FIXTURE_TEST_CASE(names_that_are_none_are_left_out, fixture) {
    add(subject_of(image));
    const std::string where = referrers_path("a", subject) + "/";
    for (const char* name : {"x", "sha256-", "sha256-ab", "-", "sha256:ab"})
        dir.write(where + name, "{}");
    BOOST_TEST(list().descriptors.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
