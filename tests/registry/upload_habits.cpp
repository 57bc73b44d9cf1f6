#include "registry/upload_habits.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_upload_habits)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::registry;
using shapes = std::vector<upload_shape>;
using enum upload_shape;

constexpr std::uint64_t mib = 1024 * 1024;

upload_habits habits(chunking allowed = chunking::automatic) {
    return {allowed, 2 * mib, 4 * mib};
}

BOOST_AUTO_TEST_CASE(one_request_unless_chunks_are_asked_for) {
    BOOST_TEST((habits().shape() == streamed));
    BOOST_TEST((habits(chunking::never).shape() == streamed));
    BOOST_TEST((habits(chunking::always).shape() == chunked));
}

struct refusal_sample {
    int status;
    shapes tried;
    bool monolithic_possible;
    std::optional<upload_shape> next;
};
std::ostream& operator<<(std::ostream& out, const refusal_sample& s) {
    return out << s.status << " after " << s.tried.size();
}

const refusal_sample refusals[] = {
    {413, {streamed}, true, chunked},
    {413, {streamed}, false, chunked},
    {413, {chunked}, true, std::nullopt},
    {405, {streamed}, true, monolithic},
    {405, {streamed}, false, chunked},
    {411, {streamed}, false, chunked},
    {400, {streamed, monolithic}, true, chunked},
    {500, {streamed}, true, std::nullopt}, // may pass by itself
    {500, {monolithic}, true, streamed},   // Harbor 1.9
    {416, {chunked}, true, streamed},      // no chunks at GAR
    {416, {chunked, streamed}, true, monolithic},
    {501, {streamed, monolithic, chunked}, true, std::nullopt},
    {401, {streamed}, true, std::nullopt},
    {403, {streamed}, true, std::nullopt},
    {404, {streamed}, true, std::nullopt},
    {415, {streamed}, true, std::nullopt},
    {503, {streamed}, true, std::nullopt},
};

BOOST_DATA_TEST_CASE(refused_shapes_become_others, bdata::make(refusals), s) {
    BOOST_TEST((habits().after_refusal(s.status, s.tried, s.monolithic_possible) == s.next));
}

BOOST_AUTO_TEST_CASE(chunks_are_not_used_where_they_are_forbidden) {
    const upload_habits never = habits(chunking::never);
    BOOST_TEST(!never.after_refusal(413, {streamed}, true).has_value());
    BOOST_TEST(!never.after_refusal(405, {streamed, monolithic}, true).has_value());
}

// Many uploads may be refused the same size at once: it is halved once.
BOOST_AUTO_TEST_CASE(refused_chunks_are_halved_once_for_all) {
    upload_habits one = habits();
    for (int job = 0; job < 6; ++job)
        BOOST_TEST(one.shrink_chunks(2 * mib));
    BOOST_TEST(one.chunk_bytes() == mib);
    BOOST_TEST(one.shrink_chunks(mib));
    BOOST_TEST(one.chunk_bytes() == mib / 2);
    // a last chunk is smaller than the size in force
    BOOST_TEST(one.shrink_chunks(mib / 4));
    BOOST_TEST(one.chunk_bytes() == mib / 8);
    int steps = 0;
    while (one.shrink_chunks(one.chunk_bytes()))
        BOOST_REQUIRE(++steps < 100);
    BOOST_TEST(one.chunk_bytes() == limits::chunk_bytes_min);
}

BOOST_AUTO_TEST_CASE(bounds_that_the_registry_states) {
    upload_habits one = habits();
    one.learn_bounds(std::nullopt, std::nullopt);
    BOOST_TEST((one.shape() == streamed));
    one.learn_bounds(3 * mib, std::nullopt);
    BOOST_TEST(one.chunk_bytes() == 3 * mib);
    BOOST_TEST((one.shape() == streamed));
    one.learn_bounds(std::nullopt, mib);
    BOOST_TEST(one.chunk_bytes() == mib);
    BOOST_TEST((one.shape() == chunked));
    // there is no memory for a terabyte
    one.learn_bounds(1024 * 1024 * mib, std::nullopt);
    BOOST_TEST(one.chunk_bytes() == 4 * mib);
    upload_habits never = habits(chunking::never);
    never.learn_bounds(std::nullopt, mib);
    BOOST_TEST((never.shape() == streamed));
}

struct range_sample {
    const char* text;
    std::optional<std::uint64_t> bytes;
};
std::ostream& operator<<(std::ostream& out, const range_sample& s) {
    return out << '"' << s.text << '"';
}

const range_sample ranges[] = {
    {"0-99", 100},
    {"bytes=0-99", 100},
    {"bytes 0-99", 100},
    {" 0-1 ", 2},
    {"0-0", 0},
    {"0--1", 0},
    {"bytes=0--1", 0},
    {"", std::nullopt},
    {"1-99", std::nullopt},
    {"0-", std::nullopt},
    {"0-x", std::nullopt},
    {"99", std::nullopt},
    {"0-99999999999999999999999", std::nullopt},
    {"0-18446744073709551615", std::nullopt},
};

BOOST_DATA_TEST_CASE(ranges_in_every_form, bdata::make(ranges), sample) {
    BOOST_TEST((parse_range_end(sample.text) == sample.bytes));
    const bool counts = std::string_view(sample.text).starts_with("bytes=");
    const auto there = parse_status_range(sample.text);
    BOOST_TEST((there == sample.bytes || (counts && *there + 1 == *sample.bytes)));
}

BOOST_AUTO_TEST_SUITE_END()
