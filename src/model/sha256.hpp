// SHA-256 by the processor's own instructions, of one message or of two at once.
//
// A round of SHA-256 waits for the one before it, so one message alone leaves the unit that
// computes rounds idle half of the time. OpenSSL has no public way to give it a second message
// meanwhile; that, and only that, is why this exists (docs/performance.md has what it gains).
// Everything else goes through `hasher`, which uses it where it can.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tarpon {

/// One digest being computed. Only where available(). Not thread-safe.
class sha256 {
public:
    /// Does this processor have the instructions?
    static bool available() noexcept;

    void update(std::span<const std::byte> bytes) noexcept;
    /// The digest of everything so far; the object must not be used afterwards.
    std::array<unsigned char, 32> finish() noexcept;

    /// Takes bytes from the front of both spans until at least one is empty.
    static void update_both(
        sha256& a,
        std::span<const std::byte>& bytes_a,
        sha256& b,
        std::span<const std::byte>& bytes_b) noexcept;

private:
    /// Fills up a block begun earlier, from the front of `bytes`. Afterwards either none is begun
    /// or `bytes` is empty.
    void fill_block(std::span<const std::byte>& bytes) noexcept;

    std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<std::byte, 64> block_{}; ///< the first `begun_` bytes of the next block
    std::size_t begun_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace tarpon
