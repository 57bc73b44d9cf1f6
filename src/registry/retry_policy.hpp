// When and after which delay something is tried again. Pure; `retrier` does the waiting.
#pragma once

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon::registry {

using retry_delay = std::chrono::milliseconds;

/// May the same request get a better answer a little later? Overload, a broken gateway, a registry
/// that is just being restarted: yes. What the registry decided about the request: no.
bool may_pass(int http_status) noexcept;
/// The same for an exchange that came to no answer, or to one that became an error.
bool may_pass(const error& what) noexcept;

/// Why something is tried again, where what it was is said already: the registry's status and
/// words, or what broke.
std::string short_reason(const error& what);

/// Before repetition number `repetition` (from 0): doubles from `first`, and a random part (`dice`,
/// in [0, 1)) keeps many clients from coming back at the same moment.
retry_delay backoff(retry_delay first, int repetition, double dice) noexcept;

/// A Retry-After header: seconds, or an HTTP date (relative to `now`). Never over
/// limits::retry_after_max; nullopt for anything else.
std::optional<retry_delay>
parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

} // namespace tarpon::registry
