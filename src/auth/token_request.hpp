// The token endpoint of a registry: what to ask it, and what its answer means. Pure.
#pragma once

#include "auth/auth_challenge.hpp"
#include "auth/credentials.hpp"
#include "transport/http_message.hpp"
#include "transport/url.hpp"

#include <tarpon/error.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace tarpon::auth {

/// A Bearer challenge, checked.
struct token_realm {
    transport::url realm;
    std::string service;
};

/// Checks where a challenge wants us to take credentials to: https (http only where the registry
/// itself is plain), no user information, no internal address unless the registry is at it.
/// Errors: errc::registry_protocol.
result<token_realm> check_realm(
    const auth_challenge& challenge,
    const transport::url& asked,
    const transport::origin& registry);

/// GET <realm>?service=&scope=&scope=, with Basic credentials where there are any.
transport::http_request make_token_get(
    const token_realm& from, const std::vector<std::string>& scopes, const credentials& who);

/// OAuth2: POST with a refresh token, or with a password.
transport::http_request make_token_post(
    const token_realm& from, const std::vector<std::string>& scopes, const credentials& who);

struct token {
    std::string text; ///< a secret
    std::chrono::steady_clock::time_point received{};
    std::chrono::seconds life{};

    /// Old enough that the next request should not start with it.
    bool is_stale(std::chrono::steady_clock::time_point now) const noexcept;
};

/// Errors: errc::registry_protocol (no token in it, control characters). The server's clock is not
/// looked at: life counts from `now`.
result<token> parse_token(std::string_view body, std::chrono::steady_clock::time_point now);

/// "repository:<path>:pull,push", and pull of the repository a blob is mounted from.
std::string push_scope(std::string_view repository);
std::string pull_scope(std::string_view repository);

/// `scope` without the actions that are not for a push: several token servers refuse everything to
/// who asks for delete. Empty: none are left.
std::string for_pushing(std::string_view scope);

/// Does `scope` name the same thing and every action that `wanted` has, in any order?
bool includes(std::string_view scope, std::string_view wanted);

} // namespace tarpon::auth
