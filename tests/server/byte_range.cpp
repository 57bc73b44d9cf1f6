#include "server/byte_range.hpp"

#include "support/printing.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_byte_range)

using namespace tarpon::server;

constexpr const char* tag = "\"sha256:ab\"";

byte_range choose(std::string_view range, std::uint64_t size = 2048) {
    return choose_range(range, {}, tag, size);
}

void check_part(
    std::string_view range, std::uint64_t first, std::uint64_t last, std::uint64_t size = 2048) {
    const byte_range found = choose(range, size);
    BOOST_TEST((found.kind == range_kind::part), range);
    BOOST_TEST(found.first == first, range);
    BOOST_TEST(found.bytes == last - first + 1, range);
}

// B13 of the conformance list, and what RFC 9110 section 14.1.2 shows.
BOOST_AUTO_TEST_CASE(one_range_is_a_part) {
    check_part("bytes=500-1499", 500, 1499);
    check_part("bytes=500-", 500, 2047);
    check_part("bytes=-500", 1548, 2047);
    check_part("bytes=2000-5000", 2000, 2047);
    check_part("bytes=0-0", 0, 0);
    check_part("bytes=-1", 2047, 2047);
    check_part("bytes=-5000", 0, 2047);
    check_part("bytes=2047-18446744073709551615", 2047, 2047);
    check_part("Bytes= 1-2 ", 1, 2);
}

// B14
BOOST_AUTO_TEST_CASE(range_outside_is_unsatisfiable) {
    for (const char* range :
         {"bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=2048-2048", "bytes=-0",
          "bytes=18446744073709551615-"})
        BOOST_TEST((choose(range).kind == range_kind::unsatisfiable), range);
    for (const char* range : {"bytes=0-", "bytes=0-0", "bytes=-5"})
        BOOST_TEST((choose(range, 0).kind == range_kind::unsatisfiable), range);
}

BOOST_AUTO_TEST_CASE(anything_else_is_for_the_whole) {
    for (const char* range :
         {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=1-2,4-5", "bytes=1--2",
          "items=0-1", "bytes 0-1", "bytes=-x", "bytes=0-x", "bytes=18446744073709551616-",
          "bytes=+1-2", "bytes=1-2;"}) {
        const byte_range found = choose(range);
        BOOST_TEST((found.kind == range_kind::whole), range);
        BOOST_TEST(found.first == 0u);
        BOOST_TEST(found.bytes == 2048u);
    }
}

BOOST_AUTO_TEST_CASE(part_of_something_else_is_not_continued) {
    BOOST_TEST((choose_range("bytes=1-2", tag, tag, 9).kind == range_kind::part));
    for (const char* other : {"\"sha256:cd\"", "W/\"sha256:ab\"", "Tue, 01 Jan 2030 00:00:00 GMT"})
        BOOST_TEST((choose_range("bytes=1-2", other, tag, 9).kind == range_kind::whole), other);
}

BOOST_AUTO_TEST_CASE(entity_tags_match_weakly) {
    for (const char* header :
         {"\"sha256:ab\"", "W/\"sha256:ab\"", "*", "\"x\" , \"sha256:ab\"", "\"x\",*"})
        BOOST_TEST(matches_any(header, tag), header);
    for (const char* header : {"", "sha256:ab", "\"x\"", "\"sha256:abc\"", ",,"})
        BOOST_TEST(!matches_any(header, tag), header);
}

BOOST_AUTO_TEST_SUITE_END()
