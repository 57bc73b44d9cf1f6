// See tar_header.hpp. Offsets are those of the ustar header.
#include "archive/tar_header.hpp"

#include "model/text.hpp"

#include <algorithm>

namespace tarpon::archive {
namespace {

constexpr std::uint64_t size_max = 1ull << 62;

std::string_view field(std::span<const std::byte> block, std::size_t offset, std::size_t length) {
    return {reinterpret_cast<const char*>(block.data()) + offset, length};
}

std::string_view until_nul(std::string_view text) {
    return text.substr(0, std::min(text.find('\0'), text.size()));
}

result<std::uint64_t> parse_base256(std::string_view field) {
    const auto first = static_cast<unsigned char>(field[0]);
    if (first & 0x40)
        return failure{errc::archive_damaged, "a negative number in a tar header"};
    std::uint64_t value = first & 0x3f;
    for (const char c : field.substr(1)) {
        if (value >> 54)
            return failure{errc::archive_limit, "a number beyond 2^62 in a tar header"};
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

/// Sums with the checksum field taken as spaces, of unsigned and of signed bytes (old writers).
bool checksum_matches(std::span<const std::byte, tar_block_bytes> block) noexcept {
    std::int64_t unsigned_sum = 0;
    std::int64_t signed_sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
        const auto byte = i >= 148 && i < 156 ? std::byte{' '} : block[i];
        unsigned_sum += static_cast<unsigned char>(byte);
        signed_sum += static_cast<signed char>(byte);
    }
    const auto stored = parse_tar_number(field(block, 148, 8));
    if (!stored)
        return false;
    const auto sum = static_cast<std::int64_t>(*stored);
    return sum == unsigned_sum || sum == signed_sum;
}

} // namespace

result<std::uint64_t> parse_tar_number(std::string_view field) {
    if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80))
        return parse_base256(field);
    std::size_t at = field.find_first_not_of(std::string_view(" \0", 2));
    if (at == field.npos)
        return std::uint64_t{0};
    std::uint64_t value = 0;
    for (; at < field.size() && field[at] != ' ' && field[at] != '\0'; ++at) {
        if (field[at] < '0' || field[at] > '7')
            return failure{errc::archive_damaged, "a number field of a tar header is not octal"};
        if (value >> 59)
            return failure{errc::archive_limit, "a number beyond 2^62 in a tar header"};
        value = value << 3 | static_cast<std::uint64_t>(field[at] - '0');
    }
    return value;
}

result<tar_header> parse_tar_header(std::span<const std::byte, tar_block_bytes> block) {
    if (!checksum_matches(block))
        return failure{errc::archive_damaged, "a tar header has a wrong checksum"};
    tar_header header;
    const std::string_view magic = field(block, 257, 8);
    header.gnu = magic == std::string_view("ustar  \0", 8);
    const bool posix = magic.starts_with(std::string_view("ustar\0", 6));
    header.name = until_nul(field(block, 0, 100));
    header.link = until_nul(field(block, 157, 100));
    if (posix) {
        const std::string_view prefix = until_nul(field(block, 345, 155));
        if (!prefix.empty())
            header.name = concat(prefix, '/', header.name);
    }
    const auto size = parse_tar_number(field(block, 124, 12));
    if (!size)
        return size.error();
    if (*size > size_max)
        return failure{errc::archive_limit, "an entry claims more than 2^62 bytes"};
    header.size = *size;
    header.type = static_cast<char>(block[156]);
    if (header.type == '\0' || header.type == '7')
        header.type = header.type == '\0' && header.name.ends_with('/') ? '5' : '0';
    header.sparse_continues = header.type == 'S' && block[482] != std::byte{0};
    return header;
}

bool is_zero_block(std::span<const std::byte, tar_block_bytes> block) noexcept {
    return std::all_of(block.begin(), block.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool looks_like_tar(std::span<const std::byte> start) noexcept {
    if (start.size() < tar_block_bytes)
        return false;
    const auto block = start.first<tar_block_bytes>();
    return is_zero_block(block) || checksum_matches(block);
}

} // namespace tarpon::archive
