// What requests and answers say about who somebody is, in headers. Pure; all of it is hostile.
#pragma once

#include "server/http_types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::server {

struct given_login {
    std::string username;
    std::string password;
};

/// Of an Authorization header; nullopt where it is not Basic, malformed, or over the bounds of
/// limits.hpp. User names hold neither a colon nor control characters, passwords no NUL.
/// Source: RFC 7617 section 2.
std::optional<given_login> basic_login(std::string_view authorization);

/// The value of a cookie; nullopt where it is absent, or there twice (somebody planted one).
/// Source: RFC 6265 section 4.2.1.
std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name);

/// Within the bounds of limits.hpp, and free of what no name or password holds.
bool is_possible(const given_login& given) noexcept;

/// Makes a 401 one that asks for name and password: programs try again, browsers ask their reader.
void ask_for_login(server_response& response);

} // namespace tarpon::server
