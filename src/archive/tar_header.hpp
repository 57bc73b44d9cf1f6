// One 512-byte tar header block -> its fields. Pure; no state between blocks.
//
// Knows ustar (prefix), GNU (no prefix), and v7 (no magic) headers, octal and base-256 numbers.
#pragma once

#include <tarpon/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tarpon::archive {

inline constexpr std::size_t tar_block_bytes = 512;

/// `bytes` rounded up to whole blocks.
constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
    return (bytes + tar_block_bytes - 1) / tar_block_bytes * tar_block_bytes;
}

/// Fields of one header, before PAX and GNU extensions are applied.
struct tar_header {
    std::string name; ///< with the ustar prefix in front
    std::string link;
    std::uint64_t size = 0;
    char type = '0'; ///< NUL is given as '0', or as '5' when the name ends with '/'
    bool gnu = false;
    bool sparse_continues = false; ///< type 'S': a map block follows (offset 482)
};

/// Errors: errc::archive_damaged (checksum, number field), errc::archive_limit (size beyond 2^62).
/// Source: POSIX pax "ustar Interchange Format"; GNU tar "Basic Tar Format".
result<tar_header> parse_tar_header(std::span<const std::byte, tar_block_bytes> block);

bool is_zero_block(std::span<const std::byte, tar_block_bytes> block) noexcept;

/// Does this look like the start of a tar: a header with a right checksum, or a block of zeros?
bool looks_like_tar(std::span<const std::byte> start) noexcept;

/// An octal or base-256 number field. Errors: errc::archive_damaged, errc::archive_limit.
result<std::uint64_t> parse_tar_number(std::string_view field);

} // namespace tarpon::archive
