// SHA-256 and SHA-512: by OpenSSL's EVP, and SHA-256 by sha256.hpp where the processor can do two
// at once.
#pragma once

#include <tarpon/digest.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace tarpon {

/// One digest being computed. Not thread-safe; may move between threads between calls.
class hasher {
public:
    explicit hasher(digest::algorithm algo = digest::algorithm::sha256);
    hasher(hasher&&) noexcept;
    hasher& operator=(hasher&&) noexcept;
    ~hasher();

    void update(std::span<const std::byte> bytes);
    void update(std::string_view text);
    /// The digest of everything so far; the hasher must not be used afterwards.
    digest finish();

    /// Is there something to gain from update_both()?
    bool goes_in_pairs() const noexcept;
    /// Takes bytes from the front of both spans until at least one is empty, which costs less than
    /// one after the other where the processor can do that.
    static void update_both(
        hasher& a,
        std::span<const std::byte>& bytes_a,
        hasher& b,
        std::span<const std::byte>& bytes_b);

private:
    struct context;
    std::unique_ptr<context> context_;
};

digest digest_of(std::string_view text, digest::algorithm algo = digest::algorithm::sha256);

} // namespace tarpon
