// A command line that cannot be parsed, in the words of its user: what does not belong there, and
// what was probably meant.
#pragma once

#include <tarpon/error.hpp>

#include <CLI/CLI.hpp>

namespace tarpon::cli {

/// errc::usage. `app` as it was when the parser threw `e`. The value of an option that is not known
/// is left out: it may be a password.
error usage_error(const CLI::App& app, const CLI::ParseError& e);

} // namespace tarpon::cli
