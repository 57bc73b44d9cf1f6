// A way to prove who one is to a registry. Secrets: never logged, never in a message.
#pragma once

#include <string>

namespace tarpon::auth {

struct credentials {
    std::string username;
    std::string password;
    std::string identity_token; ///< refresh token for the token endpoint
    std::string registry_token; ///< to be used as bearer token as it is
    std::string source; ///< for people: "--username", "~/.docker/config.json", "helper pass"

    bool empty() const noexcept {
        return username.empty() && identity_token.empty() && registry_token.empty();
    }
    bool has_password() const noexcept { return !username.empty(); }
};

/// Could the text end a header line or smuggle something into one?
bool is_safe_secret(const std::string& text) noexcept;

} // namespace tarpon::auth
