// SHA-256 and SHA-512 by OpenSSL's EVP, which uses SHA-NI where the processor has it.
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

private:
    struct context;
    std::unique_ptr<context> context_;
};

digest digest_of(std::string_view text, digest::algorithm algo = digest::algorithm::sha256);

} // namespace tarpon
