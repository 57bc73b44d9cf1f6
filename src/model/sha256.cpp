// See sha256.hpp.
#include "model/sha256.hpp"

#include "model/sha256_rounds.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>

namespace tarpon {
namespace {

constexpr std::size_t block_bytes = 64;

} // namespace

bool sha256::available() noexcept {
    static const bool known = sha256_rounds::supported();
    return known;
}

void sha256::fill_block(std::span<const std::byte>& bytes) noexcept {
    if (begun_ == 0)
        return;
    const auto piece = bytes.first(std::min(bytes.size(), block_bytes - begun_));
    std::ranges::copy(piece, block_.begin() + static_cast<std::ptrdiff_t>(begun_));
    begun_ += piece.size();
    bytes_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (begun_ < block_bytes)
        return;
    sha256_rounds::compress(state_.data(), block_.data(), 1);
    begun_ = 0;
}

void sha256::update(std::span<const std::byte> bytes) noexcept {
    fill_block(bytes);
    const std::size_t blocks = bytes.size() / block_bytes;
    sha256_rounds::compress(state_.data(), bytes.data(), blocks);
    const auto rest = bytes.subspan(blocks * block_bytes);
    std::ranges::copy(rest, block_.begin() + static_cast<std::ptrdiff_t>(begun_));
    begun_ += rest.size();
    bytes_ += bytes.size();
}

void sha256::update_both(
    sha256& a,
    std::span<const std::byte>& bytes_a,
    sha256& b,
    std::span<const std::byte>& bytes_b) noexcept {
    a.fill_block(bytes_a);
    b.fill_block(bytes_b);
    const std::size_t blocks = std::min(bytes_a.size(), bytes_b.size()) / block_bytes;
    sha256_rounds::compress_both(
        a.state_.data(), bytes_a.data(), b.state_.data(), bytes_b.data(), blocks);
    const std::size_t size = blocks * block_bytes;
    a.bytes_ += size;
    b.bytes_ += size;
    bytes_a = bytes_a.subspan(size);
    bytes_b = bytes_b.subspan(size);
    // Less than a block of one of them is left, or was there at all.
    const bool a_is_shorter = bytes_a.size() <= bytes_b.size();
    std::span<const std::byte>& rest = a_is_shorter ? bytes_a : bytes_b;
    (a_is_shorter ? a : b).update(rest);
    rest = {};
}

std::array<unsigned char, 32> sha256::finish() noexcept {
    std::array<std::byte, 2 * block_bytes> end{};
    end[0] = std::byte{0x80};
    // Padded so that the length's 8 bytes end a block.
    const std::size_t after = begun_ + 1 + 8;
    const std::size_t zeroes = (block_bytes - after % block_bytes) % block_bytes;
    std::array<unsigned char, 8> length{};
    boost::endian::store_big_u64(length.data(), bytes_ * 8);
    std::ranges::copy(
        std::as_bytes(std::span(length)), end.begin() + static_cast<std::ptrdiff_t>(1 + zeroes));
    update(std::span(end).first(1 + zeroes + 8));
    std::array<unsigned char, 32> out{};
    for (std::size_t i = 0; i < state_.size(); ++i)
        boost::endian::store_big_u32(out.data() + 4 * i, state_[i]);
    return out;
}

} // namespace tarpon
