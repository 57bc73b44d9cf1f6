#include "archive/tar_header.hpp"

#include "support/tar_builder.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_tar_header)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::archive;
using test::tar_builder;

auto as_block(const std::string& text) {
    return std::as_bytes(std::span(text)).first<tar_block_bytes>();
}

BOOST_AUTO_TEST_CASE(ustar_prefix_is_joined) {
    std::string block =
        tar_builder::header(tar_builder::flavour::ustar, '0', "name", "00000000017");
    block.replace(345, 6, "a/long");
    tar_builder::fix_checksum(block);
    const auto header = parse_tar_header(as_block(block));
    BOOST_REQUIRE(header);
    BOOST_TEST(header->name == "a/long/name");
    BOOST_TEST(header->size == 15u);
}

// GNU headers keep times where ustar has the prefix.
BOOST_AUTO_TEST_CASE(gnu_prefix_is_not_read) {
    std::string block = tar_builder::header(tar_builder::flavour::gnu, '0', "name", "00000000000");
    block.replace(345, 11, "14750241100");
    tar_builder::fix_checksum(block);
    BOOST_TEST(parse_tar_header(as_block(block)).value().name == "name");
}

BOOST_AUTO_TEST_CASE(v7_folder_is_told_by_slash) {
    const std::string folder = tar_builder::header(tar_builder::flavour::v7, '\0', "dir/", "0");
    const std::string file = tar_builder::header(tar_builder::flavour::v7, '\0', "file", "0");
    BOOST_TEST(parse_tar_header(as_block(folder)).value().type == '5');
    BOOST_TEST(parse_tar_header(as_block(file)).value().type == '0');
}

BOOST_AUTO_TEST_CASE(full_name_field_without_nul) {
    const std::string name(100, 'n');
    const std::string block = tar_builder::header(tar_builder::flavour::ustar, '0', name, "0");
    BOOST_TEST(parse_tar_header(as_block(block)).value().name == name);
}

// Every single flipped bit of a header is noticed.
BOOST_AUTO_TEST_CASE(flipped_bit_is_refused) {
    const std::string good =
        tar_builder::header(tar_builder::flavour::ustar, '0', "name", "00000001000");
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        if (bit / 8 >= 148 && bit / 8 < 156)
            continue; // the checksum field itself: blanks and digits may change without meaning
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
        BOOST_TEST(!parse_tar_header(as_block(bad)).has_value());
    }
}

BOOST_AUTO_TEST_CASE(signed_checksum_is_accepted) {
    std::string block = tar_builder::header(tar_builder::flavour::ustar, '0', "n\xc3\xa9", "0");
    int sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<signed char>(block[i]);
    block.replace(
        148, 7, tar_builder::octal(static_cast<std::uint64_t>(sum), 6) + std::string(1, '\0'));
    BOOST_TEST(parse_tar_header(as_block(block)).has_value());
}

struct number_sample {
    std::string field;
    std::int64_t value; // -1: refused
};
std::ostream& operator<<(std::ostream& out, const number_sample& s) {
    return out << s.field;
}

std::string base256(unsigned char first, std::uint64_t value) {
    std::string field(12, '\0');
    field[0] = static_cast<char>(first);
    for (int i = 0; i < 8; ++i)
        field[11 - static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
    return field;
}

const number_sample numbers[] = {
    {"00000000017", 15},
    {"         17 ", 15},
    {std::string(
         "\0\0\0"
         "17\0\0",
         7),
     15},
    {"", 0},
    {std::string(12, '\0'), 0},
    {std::string(12, ' '), 0},
    {"17 garbage", 15},
    {"777777777777", 68719476735},
    {"0000000008", -1},
    {"-1", -1},
    {"0x10", -1},
    {base256(0x80, 8589934592), 8589934592},
    {base256(0x80, 1ull << 62), -1},
    {base256(0xff, ~0ull), -1},
    {base256(0xbf, ~0ull), -1},
};

BOOST_DATA_TEST_CASE(number_fields, bdata::make(numbers), sample) {
    std::string block = tar_builder::header(tar_builder::flavour::gnu, '0', "n", "0");
    const auto number = parse_tar_number(sample.field);
    if (sample.value >= 0)
        BOOST_TEST(number.value() == static_cast<std::uint64_t>(sample.value));
    else if (number) // refused by the header parser at the latest
        BOOST_TEST(*number >= 1ull << 62);
}

BOOST_AUTO_TEST_CASE(claimed_size_is_limited) {
    std::string block = tar_builder::header(tar_builder::flavour::gnu, '0', "n", "0");
    block.replace(124, 12, base256(0x80, (1ull << 62) + 1));
    tar_builder::fix_checksum(block);
    const auto header = parse_tar_header(as_block(block));
    BOOST_REQUIRE(!header);
    BOOST_TEST((header.error().code == errc::archive_limit));
}

BOOST_AUTO_TEST_SUITE_END()
