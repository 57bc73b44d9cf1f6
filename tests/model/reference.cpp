#include <tarpon/reference.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_reference)

namespace bdata = boost::unit_test::data;
using ref = tarpon::reference;

const std::string hex64(64, '0');

struct split_sample {
    const char *text, *host, *path, *tag;
};
std::ostream& operator<<(std::ostream& out, const split_sample& s) {
    return out << s.text;
}

const split_sample splits[] = {
    {"busybox", "", "busybox", ""},
    {"busybox:1.36", "", "busybox", "1.36"},
    {"foo:5000", "", "foo", "5000"},
    {"foo:5000/bar", "foo:5000", "bar", ""},
    {"foo/bar", "", "foo/bar", ""},
    {"localhost/bar:x", "localhost", "bar", "x"},
    {"Foo/bar", "Foo", "bar", ""},
    {"a.b/c/d:e", "a.b", "c/d", "e"},
    {"registry.example.com:8443/team/two:v2", "registry.example.com:8443", "team/two", "v2"},
    {"[::1]:5000/x:y", "[::1]:5000", "x", "y"},
    {"127.0.0.1:5000/x", "127.0.0.1:5000", "x", ""},
    {"index.docker.io/library/x", "docker.io", "library/x", ""},
    {"a__b/c-d---e/f_g:h", "", "a__b/c-d---e/f_g", "h"},
};

BOOST_DATA_TEST_CASE(parse_splits_like_docker, bdata::make(splits), sample) {
    const auto parsed = ref::parse(sample.text);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->host == sample.host);
    BOOST_TEST(parsed->path == sample.path);
    BOOST_TEST(parsed->tag == sample.tag);
}

const char* const bad_texts[] = {
    "",
    ":",
    "/",
    "a//b",
    "a/",
    "/a",
    "Foo",
    "team/App:1",
    "a:",
    "a:.x",
    "a:-x",
    "a b",
    "a___b",
    "a..b",
    "a_-b",
    "-a",
    "a-",
    "a@sha256:abc",
    "a@",
    "https://host/x",
    "host:99999/x",
    "host:/x",
    "a:b:c",
    "../etc",
    "a/../b",
    "a\nb",
    "[::1/x",
    "a@@",
    "ho_st.x/a",
};

BOOST_DATA_TEST_CASE(parse_illegal_refused, bdata::make(bad_texts), text) {
    const auto parsed = ref::parse(text);
    BOOST_TEST(!parsed.has_value());
}

BOOST_AUTO_TEST_CASE(parse_with_digest) {
    const auto parsed = ref::parse("host.x/a:tag@sha256:" + hex64);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->tag == "tag");
    BOOST_TEST(parsed->digest.hex() == hex64);
    BOOST_TEST(parsed->str() == "host.x/a:tag@sha256:" + hex64);
}

// What is printed parses to the same reference again.
BOOST_DATA_TEST_CASE(str_round_trips, bdata::make(splits), sample) {
    const auto parsed = ref::parse(sample.text);
    BOOST_REQUIRE(parsed);
    const auto again = ref::parse(parsed->str());
    BOOST_REQUIRE(again);
    BOOST_TEST((*parsed == *again));
}

BOOST_AUTO_TEST_CASE(image_id_is_no_name) {
    BOOST_TEST(!ref::parse(hex64).has_value());
}

// Lengths at the limit and one over it.
BOOST_AUTO_TEST_CASE(lengths_are_limited) {
    BOOST_TEST(ref::parse(std::string(255, 'a')).has_value());
    BOOST_TEST(!ref::parse(std::string(256, 'a')).has_value());
    BOOST_TEST(ref::parse("a:" + std::string(128, 'b')).has_value());
    BOOST_TEST(!ref::parse("a:" + std::string(129, 'b')).has_value());
}

// A megabyte of anything ends quickly and does not use the stack.
BOOST_AUTO_TEST_CASE(parse_huge_text) {
    for (const char c : {'a', '/', '-', ':', '_', '.', '@', '['})
        BOOST_TEST(!ref::parse(std::string(1'000'000, c)).has_value());
}

BOOST_AUTO_TEST_CASE(error_names_column_of_upper_case) {
    const auto parsed = ref::parse("team/App:1");
    BOOST_REQUIRE(!parsed);
    BOOST_TEST(parsed.error().message.find("upper case 'A' at column 6") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(library_only_for_docker_hub) {
    BOOST_TEST(tarpon::with_library("docker.io", "busybox") == "library/busybox");
    BOOST_TEST(tarpon::with_library("docker.io", "a/b") == "a/b");
    BOOST_TEST(tarpon::with_library("localhost:5000", "busybox") == "busybox");
}

BOOST_AUTO_TEST_SUITE_END()
