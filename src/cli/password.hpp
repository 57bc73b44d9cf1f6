// Secrets from standard input and from the terminal.
#pragma once

#include <string>

namespace tarpon::cli {

/// The first line of standard input, for --password-stdin. Throws errc::usage when there is none.
std::string read_password_line();

/// Asks on the terminal; `echo` off for secrets. Throws errc::usage when there is no terminal or
/// nothing was typed, errc::cancelled when a signal came; the terminal is as before then.
std::string ask_on_terminal(const std::string& question, bool echo);

} // namespace tarpon::cli
