// How bytes are encoded, told from the bytes. Names and extensions lie (rules_oci calls every
// layer .tar.gz), so nobody asks them.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace tarpon::archive {

enum class encoding { tar, gzip, zstd, xz, bzip2, lz4, zip, json, other };

/// How many bytes `sniff_encoding` wants to see; fewer are fine at the end of the input.
inline constexpr std::size_t sniff_bytes = 512;

/// Source: the magics of each format; a tar is known by its header checksum, or by the first of
/// its end blocks when it is empty.
encoding sniff_encoding(std::span<const std::byte> start) noexcept;

std::string_view to_string(encoding value) noexcept;

/// A word for a person about a file that is no tar at all: "an HTML page", "text", …
std::string_view describe_other(std::span<const std::byte> start) noexcept;

} // namespace tarpon::archive
