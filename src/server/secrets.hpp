// Secrets that the server makes, and comparisons that tell nothing about them.
#pragma once

#include <string>
#include <string_view>

namespace tarpon::server {

/// 256 random bits as 64 hex digits. Throws errc::internal where the system gives none.
std::string fresh_secret();

/// Takes the same time wherever they differ; tells only whether their sizes are equal.
bool same_secret(std::string_view left, std::string_view right) noexcept;

/// What can stand for `message` where it must not stand itself: HMAC-SHA256, 64 hex digits.
std::string keyed_digest(std::string_view key, std::string_view message);

} // namespace tarpon::server
