// Compression engines behind one seam: blocks in, blocks out, in parallel, joined in order.
//
// A stream is  head + encoded blocks + tail.  Every block but the last has exactly `block_bytes`
// of input, so the output depends on the input alone, never on threads or timing.
#pragma once

#include <tarpon/options.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tarpon::pipeline {

struct encoded_block {
    std::size_t size = 0;    ///< of the output
    std::uint32_t crc32 = 0; ///< of the input, where the format needs it
};

class block_codec {
public:
    virtual ~block_codec() = default;

    virtual std::size_t block_bytes() const noexcept = 0;
    /// How much of the input before a block the engine wants to see (its window).
    virtual std::size_t history_bytes() const noexcept { return 0; }
    /// Enough room for any block of `input_bytes`; 0 when the input itself is the output.
    virtual std::size_t output_bytes_max(std::size_t input_bytes) const noexcept = 0;

    virtual std::string head() const { return {}; }
    /// Thread-safe. `history` is empty for the first block.
    virtual encoded_block encode(
        std::span<const std::byte> history,
        std::span<const std::byte> input,
        std::span<std::byte> output) const = 0;
    /// `crc32` and `input_bytes` are of the whole input.
    virtual std::string tail(std::uint32_t crc32, std::uint64_t input_bytes) const = 0;
};

/// CRC-32 (of gzip) of a text made of two, from the CRCs of both and the size of the second.
std::uint32_t
join_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) noexcept;

/// Level 0 means the engine's fastest useful one. Errors: errc::usage for a level out of range.
std::shared_ptr<const block_codec> make_codec(compression kind, int level);

/// Highest level of the engine: 9 for gzip, 19 for zstd, 0 for none.
int level_max(compression kind) noexcept;

} // namespace tarpon::pipeline
