// See credentials.hpp.
#include "auth/credentials.hpp"

#include <algorithm>

namespace tarpon::auth {

bool is_safe_secret(const std::string& text) noexcept {
    return std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

} // namespace tarpon::auth
