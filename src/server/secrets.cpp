// See secrets.hpp.
#include "server/secrets.hpp"

#include "model/random_name.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <span>

namespace tarpon::server {

std::string fresh_secret() {
    auto made = random_name(32);
    if (!made)
        throw error(errc::internal, "the system gives no random bytes");
    return std::move(*made);
}

bool same_secret(std::string_view left, std::string_view right) noexcept {
    return left.size() == right.size()
           && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string keyed_digest(std::string_view key, std::string_view message) {
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
    if (!HMAC(
            EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, message.size(),
            digest.data(), &size))
        throw error(errc::internal, "cannot hash a secret");
    return to_hex(digest);
}

} // namespace tarpon::server
