// See hasher.hpp.
#include "model/hasher.hpp"

#include "model/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <optional>

namespace tarpon {

struct hasher::context {
    struct free {
        void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); }
    };
    std::unique_ptr<EVP_MD_CTX, free> md;
    std::optional<sha256> own; ///< instead of `md`
    digest::algorithm algo;
};

namespace {

void require(int openssl_result) {
    if (openssl_result != 1)
        throw error(errc::internal, "OpenSSL could not compute a digest");
}

} // namespace

hasher::hasher(digest::algorithm algo)
    : context_(std::make_unique<context>()) {
    context_->algo = algo;
    if (algo == digest::algorithm::sha256 && sha256::available()) {
        context_->own.emplace();
        return;
    }
    context_->md.reset(EVP_MD_CTX_new());
    const EVP_MD* type = algo == digest::algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    require(context_->md && EVP_DigestInit_ex(context_->md.get(), type, nullptr));
}

hasher::hasher(hasher&&) noexcept = default;
hasher& hasher::operator=(hasher&&) noexcept = default;
hasher::~hasher() = default;

void hasher::update(std::span<const std::byte> bytes) {
    if (context_->own)
        context_->own->update(bytes);
    else
        require(EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size()));
}

void hasher::update(std::string_view text) {
    update(std::as_bytes(std::span(text.data(), text.size())));
}

digest hasher::finish() {
    if (context_->own)
        return digest::from_sha256(context_->own->finish());
    std::array<unsigned char, 64> bytes{};
    unsigned length = 0;
    require(EVP_DigestFinal_ex(context_->md.get(), bytes.data(), &length));
    if (context_->algo == digest::algorithm::sha256)
        return digest::from_sha256(std::span(bytes).first<32>());
    return digest::from_sha512(bytes);
}

bool hasher::goes_in_pairs() const noexcept {
    return context_->own.has_value();
}

void hasher::update_both(
    hasher& a,
    std::span<const std::byte>& bytes_a,
    hasher& b,
    std::span<const std::byte>& bytes_b) {
    if (a.context_->own && b.context_->own) {
        sha256::update_both(*a.context_->own, bytes_a, *b.context_->own, bytes_b);
    } else {
        a.update(bytes_a);
        bytes_a = {};
    }
}

digest digest_of(std::string_view text, digest::algorithm algo) {
    hasher h(algo);
    h.update(text);
    return h.finish();
}

} // namespace tarpon
