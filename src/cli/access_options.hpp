// What push and login share: who we are, and how to reach a registry.
#pragma once

#include "cli/console.hpp"
#include "cli/options.hpp"

#include <tarpon/options.hpp>

namespace tarpon::cli {

/// --username, --password…, --authfile, and those of TLS and plain HTTP.
void add_access(CLI::App& verb, connection_options& connection, bool& password_stdin);

/// Settles between --password and --password-stdin: what was typed comes before the environment.
/// Returns whether the password was typed, where others see it. Throws errc::usage.
bool settle_password(
    connection_options& connection, bool password_stdin, const value_sources& sources);

/// What the options of add_access give away or leave unchecked.
void warn_of_access(
    console& out, const connection_options& connection, bool password_on_command_line);

} // namespace tarpon::cli
