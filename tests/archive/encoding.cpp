#include "archive/encoding.hpp"

#include "support/tar_builder.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_encoding)

using namespace std::string_view_literals;
using tarpon::archive::describe_other;
using kind = tarpon::archive::encoding;

kind sniff(std::string_view text) {
    return tarpon::archive::sniff_encoding(std::as_bytes(std::span(text.data(), text.size())));
}

std::string_view describe(std::string_view text) {
    return describe_other(std::as_bytes(std::span(text.data(), text.size())));
}

BOOST_AUTO_TEST_CASE(magics) {
    BOOST_CHECK(sniff("\x1f\x8b\x08\x00"sv) == kind::gzip);
    BOOST_CHECK(sniff("\x28\xb5\x2f\xfd"sv) == kind::zstd);
    BOOST_CHECK(sniff("\x5a\x2a\x4d\x18"sv) == kind::zstd);
    BOOST_CHECK(sniff("\xfd\x37zXZ\x00"sv) == kind::xz);
    BOOST_CHECK(sniff("BZh9xx"sv) == kind::bzip2);
    BOOST_CHECK(sniff("\x04\x22\x4d\x18"sv) == kind::lz4);
    BOOST_CHECK(sniff("PK\x03\x04"sv) == kind::zip);
    BOOST_CHECK(sniff("\n {\"a\":1}"sv) == kind::json);
    BOOST_CHECK(sniff(""sv) == kind::other);
    BOOST_CHECK(sniff("BZh"sv) == kind::other);
}

BOOST_AUTO_TEST_CASE(tars_are_told_by_their_header) {
    using tarpon::test::tar_builder;
    for (const auto flavour :
         {tar_builder::flavour::ustar, tar_builder::flavour::gnu, tar_builder::flavour::v7})
        BOOST_CHECK(sniff(tar_builder(flavour).file("a", "b").str()) == kind::tar);
    BOOST_CHECK(sniff(std::string(1024, '\0')) == kind::tar); // an empty tar
    BOOST_CHECK(sniff(std::string(511, '\0')) == kind::other);
    BOOST_CHECK(sniff(std::string(512, 'x')) == kind::other);
}

BOOST_AUTO_TEST_CASE(other_files_are_described) {
    BOOST_TEST(describe("<!DOCTYPE html><html>").starts_with("an HTML"));
    BOOST_TEST(describe("\xff\xfe{\0"sv).starts_with("UTF-16"));
    BOOST_TEST(describe("hello\n") == "text");
    BOOST_TEST(describe("\x01\x02") == "unknown data");
}

BOOST_AUTO_TEST_SUITE_END()
