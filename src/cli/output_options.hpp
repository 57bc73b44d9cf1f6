// What every verb that says something shares: events, log level, progress.
#pragma once

#include "cli/args.hpp"
#include "cli/options.hpp"

namespace tarpon::cli {

/// Texts of options that become other types after parsing.
struct output_texts {
    std::string progress = "auto";
    std::string log_level = "warn";
};

void add_json(CLI::App& verb, output_options& output);
void add_log_level(CLI::App& verb, output_texts& texts);
void add_progress(CLI::App& verb, output_options& output, output_texts& texts);

/// Throws errc::usage.
void finish_output(output_options& output, const output_texts& texts, const value_sources& sources);

} // namespace tarpon::cli
