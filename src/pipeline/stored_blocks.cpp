// See stored_blocks.hpp.
#include "pipeline/stored_blocks.hpp"

#include <tarpon/error.hpp>

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tarpon::pipeline {
namespace {

constexpr std::size_t samples = 16;
constexpr std::size_t sample_bytes = 256;
/// Chi-squared of 4,096 random bytes over 256 values: 255 in the mean, standard deviation 22.6.
/// Text, code and zeroes are in the thousands; one sample of text among 15 of noise is near 400.
constexpr unsigned chi_squared_max = 255 + 5 * 23;

constexpr std::size_t stored_bytes_max = 65'535;
constexpr std::size_t stored_head_bytes = 5;

} // namespace

bool looks_like_noise(std::span<const std::byte> block) noexcept {
    if (block.size() < samples * sample_bytes)
        return false;
    std::array<std::uint16_t, 256> seen{};
    const std::size_t step = (block.size() - sample_bytes) / (samples - 1);
    for (std::size_t i = 0; i < samples; ++i)
        for (const std::byte value : block.subspan(i * step, sample_bytes))
            ++seen[static_cast<std::size_t>(value)];
    constexpr int expected = samples * sample_bytes / 256;
    unsigned squares = 0;
    for (const int count : seen)
        squares += static_cast<unsigned>((count - expected) * (count - expected));
    return squares / expected <= chi_squared_max;
}

std::size_t store_blocks(std::span<const std::byte> input, std::span<std::byte> output) {
    std::size_t used = 0;
    while (!input.empty()) {
        const auto piece = input.first(std::min(input.size(), stored_bytes_max));
        if (output.size() - used < stored_head_bytes + piece.size())
            throw error(errc::internal, "no room for a stored block");
        auto* head = reinterpret_cast<unsigned char*>(output.data() + used);
        const auto size = static_cast<std::uint16_t>(piece.size());
        head[0] = 0; // not the last, stored; the rest of the byte is padding
        boost::endian::store_little_u16(head + 1, size);
        boost::endian::store_little_u16(head + 3, static_cast<std::uint16_t>(~size));
        std::ranges::copy(
            piece, output.begin() + static_cast<std::ptrdiff_t>(used + stored_head_bytes));
        used += stored_head_bytes + piece.size();
        input = input.subspan(piece.size());
    }
    return used;
}

} // namespace tarpon::pipeline
