// Bytes that no compressor makes smaller (encrypted, compressed, random) go into the deflate stream
// as they are. Engines find that out themselves, but only after they have tried.
#pragma once

#include <cstddef>
#include <span>

namespace tarpon::pipeline {

/// A guess from a few thousand bytes, taken all over `block`: are all byte values about equally
/// frequent? Depends on nothing but the block. Repeated noise is taken for noise.
bool looks_like_noise(std::span<const std::byte> block) noexcept;

/// `input` as stored deflate blocks (RFC 1951 3.2.4), none of them the last. How many bytes of
/// `output` they take: the input's, and 5 for each 65,535 of it begun. Throws where they do not
/// fit.
std::size_t store_blocks(std::span<const std::byte> input, std::span<std::byte> output);

} // namespace tarpon::pipeline
