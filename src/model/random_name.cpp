// See random_name.hpp.
#include "model/random_name.hpp"

#include "model/text.hpp"

#include <openssl/rand.h>

#include <array>
#include <span>

namespace tarpon {

std::optional<std::string> random_name(std::size_t bytes) {
    std::array<unsigned char, 32> random{};
    const auto wanted = std::span(random).first(bytes);
    if (RAND_bytes(wanted.data(), static_cast<int>(wanted.size())) != 1)
        return std::nullopt;
    return to_hex(wanted);
}

} // namespace tarpon
