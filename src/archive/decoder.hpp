// Decompression of hostile streams, a step at a time and without I/O: gzip, zstd, xz, bzip2.
//
// The libraries do the work; here are the bounds on top: progress in every step, a cap on members
// and on the expansion ratio, checked trailers, no junk behind the end.
#pragma once

#include "archive/encoding.hpp"

#include <tarpon/error.hpp>

#include <cstddef>
#include <memory>
#include <span>

namespace tarpon::archive {

class decoder {
public:
    struct step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };

    virtual ~decoder() = default;
    /// Decodes some of `input` into `output` (both may be used only in part). `input_ended`:
    /// nothing follows `input`. Makes progress in every call that has input left or output pending.
    /// Errors: errc::archive_damaged, archive_limit.
    virtual result<step>
    decode(std::span<const std::byte> input, std::span<std::byte> output, bool input_ended) = 0;
    /// Between members: the input may end here.
    virtual bool complete() const = 0;
};

/// nullptr for encodings that are no compression.
std::unique_ptr<decoder> make_decoder(encoding kind);

/// Stops decompression bombs: after a grace, no more output than a fixed multiple of the input.
class expansion_guard {
public:
    result<void> count(std::size_t consumed, std::size_t produced);

private:
    std::uint64_t consumed_ = 0;
    std::uint64_t produced_ = 0;
};

} // namespace tarpon::archive
