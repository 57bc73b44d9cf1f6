// The command line -> what to do. Parses and checks; does nothing.
#pragma once

#include <tarpon/migrate.hpp>
#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>
#include <tarpon/serve.hpp>

#include <functional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace tarpon::cli {

enum class progress_style { automatic, bar, plain, none };

struct output_options {
    bool json = false;
    bool quiet = false;
    progress_style progress = progress_style::automatic;
    tarpon::log_level log_level = tarpon::log_level::warn;
    /// What would be sent is shown as one table of all archives.
    bool plan_table = false;
    /// Which part of a migration this is; said where the engine's environment may have chosen it.
    tarpon::shard shard;
    /// Options whose values came from the environment, without dashes.
    std::set<std::string, std::less<>> from_environment;
};

struct push_command {
    std::vector<std::string> archives;
    push_options options;
    bool password_on_command_line = false;
    bool password_stdin = false;
    output_options output;
};

struct migrate_command {
    push_command push;       ///< without archives
    migrate_options options; ///< `push` of it is filled in when it runs
    std::vector<std::string> reports;
};

struct inspect_command {
    std::string archive;
    output_options output;
};

struct login_command {
    std::string host;
    connection_options connection;
    bool log_out = false; ///< forget instead
    bool password_on_command_line = false;
    bool password_stdin = false;
    output_options output;
};

struct serve_command {
    serve_options options;
    bool password_on_command_line = false;
    bool password_stdin = false;
    output_options output;
};

/// Text to be printed on standard output, and the exit code 0: help, version.
struct print_command {
    std::string text;
};

using any_command = std::variant<
    push_command,
    migrate_command,
    inspect_command,
    login_command,
    serve_command,
    print_command>;

/// Throws `error` errc::usage.
any_command parse(int argc, const char* const* argv);

/// Was --json given, and is it a push or a migration? Asked when parsing failed, so that its errors
/// are JSON too and end with a summary.
bool wants_json(int argc, const char* const* argv);
bool is_push(int argc, const char* const* argv);

/// "48M" -> 50331648. K, M, G, T are powers of 1024. Throws errc::usage.
std::uint64_t parse_size(const std::string& text);

} // namespace tarpon::cli
