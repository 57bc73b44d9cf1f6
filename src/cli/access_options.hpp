// What push and login share: who we are, and how to reach a registry.
#pragma once

#include "cli/options.hpp"

#include <tarpon/options.hpp>

namespace tarpon::cli {

/// --username, --password…, --authfile, and those of TLS and plain HTTP.
void add_access(CLI::App& verb, connection_options& connection, bool& password_stdin);

/// Settles between --password and --password-stdin: what was typed comes before the environment.
/// Returns whether the password was typed, where others see it. Throws errc::usage.
bool settle_password(
    connection_options& connection, bool password_stdin, const value_sources& sources);

} // namespace tarpon::cli
