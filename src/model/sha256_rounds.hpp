// The compression function of SHA-256 (FIPS 180-4, 6.2.2) in SHA-NI instructions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tarpon::sha256_rounds {

/// Does this processor have them?
bool supported() noexcept;

/// Feeds `blocks` blocks of 64 bytes to the 8 words of `state`. Only where supported().
void compress(std::uint32_t* state, const std::byte* bytes, std::size_t blocks) noexcept;

/// The same for two messages, whose rounds take turns.
void compress_both(
    std::uint32_t* state_a,
    const std::byte* bytes_a,
    std::uint32_t* state_b,
    const std::byte* bytes_b,
    std::size_t blocks) noexcept;

} // namespace tarpon::sha256_rounds
