#include "archive/tar_reader.hpp"

#include "support/tar_builder.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_tar_reader)

using namespace tarpon;
using archive::entry_kind;
using archive::tar_entry;
using reader = archive::tar_reader;
using test::tar_builder;

struct listing {
    std::vector<tar_entry> entries;
    result<void> outcome;
    bool end_seen = false;
};

/// Reads a whole tar the way both users of the reader do: headers fed, bodies skipped.
listing list(std::string_view tar) {
    listing out;
    reader r;
    while (true) {
        const std::size_t left = tar.size() - std::min<std::size_t>(tar.size(), r.offset());
        if (left < r.wanted()) {
            out.outcome = r.finish(left);
            return out;
        }
        const auto bytes = std::as_bytes(std::span(tar.data(), tar.size()))
                               .subspan(static_cast<std::size_t>(r.offset()), r.wanted());
        auto event = r.consume(bytes);
        if (!event) {
            out.outcome = event.error();
            return out;
        }
        if (std::holds_alternative<reader::end>(*event)) {
            out.end_seen = true;
            return out;
        }
        if (auto* entry = std::get_if<tar_entry>(&*event))
            out.entries.push_back(std::move(*entry));
    }
}

bool refused(const listing& l, errc code) {
    return !l.outcome && l.outcome.error().code == code;
}

BOOST_AUTO_TEST_CASE(plain_entries_in_order) {
    const auto tar = tar_builder()
                         .directory("d/")
                         .file("d/a", "hello")
                         .symlink("d/s", "../x")
                         .hard_link("d/h", "d/a")
                         .end();
    const listing l = list(tar.str());
    BOOST_TEST(l.outcome.has_value());
    BOOST_REQUIRE(l.entries.size() == 4u);
    BOOST_TEST(l.entries[1].name == "d/a");
    BOOST_TEST(l.entries[1].size == 5u);
    BOOST_TEST(tar.str().substr(l.entries[1].offset, 5) == "hello");
    BOOST_TEST(l.entries[2].link == "../x");
    BOOST_TEST((l.entries[3].kind == entry_kind::hard_link));
    BOOST_TEST(l.end_seen);
}

BOOST_AUTO_TEST_CASE(pax_overrides_header) {
    const listing l = list(tar_builder()
                               .pax({{"path", "long/name"}, {"size", "3"}})
                               .raw('0', "short", 0, "abc")
                               .file("next", "x")
                               .end()
                               .str());
    BOOST_REQUIRE(l.entries.size() == 2u);
    BOOST_TEST(l.entries[0].name == "long/name");
    BOOST_TEST(l.entries[0].size == 3u);
    BOOST_TEST(l.entries[1].name == "next");
}

BOOST_AUTO_TEST_CASE(gnu_long_names) {
    const std::string name(200, 'n'), link(300, 'l');
    const listing l = list(tar_builder(tar_builder::flavour::gnu)
                               .gnu_long('L', name)
                               .gnu_long('K', link)
                               .symlink("short", "short")
                               .file("plain", "")
                               .end()
                               .str());
    BOOST_REQUIRE(l.entries.size() == 2u);
    BOOST_TEST(l.entries[0].name == name);
    BOOST_TEST(l.entries[0].link == link);
    BOOST_TEST(l.entries[1].name == "plain");
}

BOOST_AUTO_TEST_CASE(global_header_with_comment_is_passed_over) {
    const listing l =
        list(tar_builder().pax({{"comment", "git commit"}}, 'g').file("a", "b").end().str());
    BOOST_TEST(l.outcome.has_value());
    BOOST_REQUIRE(l.entries.size() == 1u);
    BOOST_TEST(refused(
        list(tar_builder().pax({{"path", "x"}}, 'g').file("a", "b").end().str()),
        errc::archive_unsupported));
}

// Where readers are known to disagree on what the entries are, the archive is refused.
BOOST_AUTO_TEST_CASE(ambiguous_extensions_are_refused) {
    const auto gnu = tar_builder::flavour::gnu;
    // a size, then another header that it might be meant for
    BOOST_TEST(refused(
        list(tar_builder(gnu).pax({{"size", "512"}}).gnu_long('L', "x").file("a", "b").end().str()),
        errc::archive_damaged));
    // two of a kind
    BOOST_TEST(refused(
        list(tar_builder().pax({{"path", "x"}}).pax({{"path", "y"}}).file("a", "b").end().str()),
        errc::archive_damaged));
    BOOST_TEST(refused(
        list(tar_builder(gnu).gnu_long('L', "x").gnu_long('L', "y").file("a", "b").end().str()),
        errc::archive_damaged));
    // two names for one entry
    BOOST_TEST(refused(
        list(tar_builder(gnu).pax({{"path", "x"}}).gnu_long('L', "y").file("a", "b").end().str()),
        errc::archive_damaged));
    BOOST_TEST(
        list(tar_builder(gnu).pax({{"path", "x"}}).gnu_long('L', "x").file("a", "b").end().str())
            .outcome.has_value());
    // an extension without an entry
    BOOST_TEST(refused(
        list(tar_builder().file("a", "b").pax({{"path", "x"}}).end().str()),
        errc::archive_damaged));
    BOOST_TEST(refused(list(tar_builder().pax({{"path", "x"}}).str()), errc::archive_truncated));
    // a body behind a symlink
    BOOST_TEST(refused(
        list(tar_builder().raw('2', "s", 512, std::string(512, 'x'), "t").end().str()),
        errc::archive_damaged));
}

BOOST_AUTO_TEST_CASE(hard_link_has_no_body_whatever_it_says) {
    const listing l =
        list(tar_builder().file("a", "1").raw('1', "h", 4096, {}, "a").file("b", "2").end().str());
    BOOST_TEST(l.outcome.has_value());
    BOOST_REQUIRE(l.entries.size() == 3u);
    BOOST_TEST(l.entries[1].size == 0u);
}

BOOST_AUTO_TEST_CASE(endings_as_writers_make_them) {
    const std::string one = tar_builder().file("a", "b").str();
    for (const int zero_blocks : {0, 1, 2, 20}) {
        const listing l =
            list(one + std::string(static_cast<std::size_t>(zero_blocks) * 512, '\0'));
        BOOST_TEST(l.outcome.has_value());
        BOOST_TEST(l.entries.size() == 1u);
        BOOST_TEST(l.end_seen == (zero_blocks >= 2));
    }
    BOOST_TEST(
        refused(list(tar_builder().end(1).file("a", "b").end().str()), errc::archive_damaged));
    BOOST_TEST(list("").outcome.has_value());
}

// Cut anywhere inside a header or an extension, it says so; cut between entries it is whole.
BOOST_AUTO_TEST_CASE(truncation_inside_headers) {
    const std::string tar =
        tar_builder().pax({{"path", std::string(600, 'p')}}).file("a", "").str();
    for (std::size_t length = 1; length < tar.size(); ++length)
        BOOST_TEST(refused(list(tar.substr(0, length)), errc::archive_truncated), length);
    BOOST_TEST(list(tar).outcome.has_value());
}

BOOST_AUTO_TEST_CASE(padding_content_is_ignored) {
    std::string tar = tar_builder().file("a", "b").end().str();
    tar.replace(513, 511, std::string(511, '\xee'));
    BOOST_TEST(list(tar).entries.size() == 1u);
    BOOST_TEST(list(tar + "trailing junk").end_seen);
}

// CVE-2025-58183, CVE-2022-2879: a header that claims a huge name must not be believed.
BOOST_AUTO_TEST_CASE(huge_extension_is_refused_before_it_is_read) {
    for (const char type : {'L', 'K', 'x', 'g'}) {
        const std::string tar =
            tar_builder(tar_builder::flavour::gnu).raw(type, "n", 0x1ffffffff, {}).str();
        BOOST_TEST(refused(list(tar), errc::archive_limit));
    }
    const std::string at_limit = tar_builder(tar_builder::flavour::gnu)
                                     .raw('L', "n", limits::tar_extension_bytes_max, {})
                                     .str();
    BOOST_TEST(refused(list(at_limit), errc::archive_truncated));
}

BOOST_AUTO_TEST_CASE(long_names_are_limited) {
    const auto named = [](std::size_t length) {
        return list(tar_builder(tar_builder::flavour::gnu)
                        .gnu_long('L', std::string(length, 'n'))
                        .file("a", "")
                        .end()
                        .str());
    };
    BOOST_TEST(named(limits::tar_name_bytes_max).outcome.has_value());
    BOOST_TEST(refused(named(limits::tar_name_bytes_max + 1), errc::archive_limit));
}

// libarchive 36a53097: endless extension headers before one entry.
BOOST_AUTO_TEST_CASE(endless_extensions_are_refused) {
    tar_builder tar(tar_builder::flavour::gnu);
    for (int i = 0; i < 20; ++i)
        tar.raw('x', "n", 0, {});
    BOOST_TEST(refused(list(tar.str()), errc::archive_damaged));
}

BOOST_AUTO_TEST_CASE(sparse_entries_keep_the_stream_in_step) {
    std::string header =
        tar_builder::header(tar_builder::flavour::gnu, 'S', "sparse", tar_builder::octal(512, 11));
    header[482] = 1;
    tar_builder::fix_checksum(header);
    std::string map(512, '\0');
    map[504] = 1;
    const std::string tar = tar_builder()
                                .bytes(header)
                                .bytes(map)
                                .bytes(std::string(512, '\0'))
                                .bytes(std::string(512, 'd'))
                                .file("after", "x")
                                .end()
                                .str();
    const listing l = list(tar);
    BOOST_TEST(l.outcome.has_value());
    BOOST_REQUIRE(l.entries.size() == 2u);
    BOOST_TEST((l.entries[0].kind == entry_kind::sparse));
    BOOST_TEST(l.entries[1].name == "after");
    const listing pax =
        list(tar_builder().pax({{"GNU.sparse.major", "1"}}).file("s", "x").end().str());
    BOOST_TEST((pax.entries.at(0).kind == entry_kind::sparse));
}

BOOST_AUTO_TEST_CASE(unknown_types_are_skipped_by_size) {
    const listing l = list(tar_builder()
                               .raw('V', "label", 0, {})
                               .raw('M', "multi", 600, std::string(600, 'm'))
                               .file("a", "b")
                               .end()
                               .str());
    BOOST_REQUIRE(l.entries.size() == 3u);
    BOOST_TEST((l.entries[1].kind == entry_kind::special));
    BOOST_TEST(l.entries[2].name == "a");
}

BOOST_AUTO_TEST_SUITE_END()
