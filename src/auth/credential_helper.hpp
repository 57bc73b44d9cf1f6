// Docker's credential helper protocol: docker-credential-<name> get|store|erase. Blocking; called
// on the CPU pool.
//
// No shell. The helper gets its request on standard input; its answer is bounded in size and time.
#pragma once

#include "auth/credentials.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace tarpon::auth {

/// nullopt when the helper says that it has none. Throws `error`: errc::registry_unauthorized when
/// the helper is missing, fails, hangs or answers nonsense: going on without credentials then
/// could mean going on as somebody else. At the end of `time_max` it is killed. What it says is
/// the cause of the error, unless that may hold a secret.
std::optional<credentials> ask_helper(
    const std::string& name,
    const std::string& server_key,
    std::chrono::milliseconds time_max = limits::helper_time_max);

/// Throws `error` as above.
void store_with_helper(
    const std::string& name, const std::string& server_key, const credentials& secret);
/// Not having it is fine.
void erase_with_helper(const std::string& name, const std::string& server_key);

/// Letters, digits, '.', '_' and '-': what may stand in the name of a program that is run.
bool is_helper_name(std::string_view name) noexcept;

} // namespace tarpon::auth
