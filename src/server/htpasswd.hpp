// Files of user names and bcrypt hashes, as `htpasswd -B` writes them. Pure.
#pragma once

#include <tarpon/error.hpp>

#include <map>
#include <string>
#include <string_view>

namespace tarpon::server {

/// User name -> bcrypt hash ("$2y$05$…").
using password_table = std::map<std::string, std::string, std::less<>>;

/// One user a line, "NAME:HASH"; empty lines and lines that begin with '#' do not count.
/// Errors: errc::usage; the message names the line, never what stands in it. Hashes that are not
/// bcrypt, or cost more than limits::bcrypt_cost_max, users that are there twice.
result<password_table> parse_htpasswd(std::string_view text);

/// Blocking, slow on purpose: 2^cost rounds. Looks at the first 72 bytes of the password only.
bool bcrypt_matches(const std::string& password, const std::string& hash);

} // namespace tarpon::server
