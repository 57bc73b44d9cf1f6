// See hasher.hpp.
#include "model/hasher.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace tarpon {

struct hasher::context {
    struct free {
        void operator()(EVP_MD_CTX* ctx) const { EVP_MD_CTX_free(ctx); }
    };
    std::unique_ptr<EVP_MD_CTX, free> md;
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
    context_->md.reset(EVP_MD_CTX_new());
    const EVP_MD* type = algo == digest::algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    require(context_->md && EVP_DigestInit_ex(context_->md.get(), type, nullptr));
}

hasher::hasher(hasher&&) noexcept = default;
hasher& hasher::operator=(hasher&&) noexcept = default;
hasher::~hasher() = default;

void hasher::update(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size()));
}

void hasher::update(std::string_view text) {
    update(std::as_bytes(std::span(text.data(), text.size())));
}

digest hasher::finish() {
    std::array<unsigned char, 64> bytes{};
    unsigned length = 0;
    require(EVP_DigestFinal_ex(context_->md.get(), bytes.data(), &length));
    if (context_->algo == digest::algorithm::sha256)
        return digest::from_sha256(std::span(bytes).first<32>());
    return digest::from_sha512(bytes);
}

digest digest_of(std::string_view text, digest::algorithm algo) {
    hasher h(algo);
    h.update(text);
    return h.finish();
}

} // namespace tarpon
