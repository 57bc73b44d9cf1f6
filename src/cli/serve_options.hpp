// The options of tarpon serve.
#pragma once

#include "cli/args.hpp"
#include "cli/output_options.hpp"

#include <string>

namespace tarpon::cli {

/// Texts of options that become other types after parsing.
struct serve_texts {
    std::string max_upload;
    std::string gc_interval, gc_grace;
    std::int64_t stop_seconds = 0;
    output_texts output;
};

/// Declares them; parsing fills `serve` and `texts`, which must outlive it.
void add_serve(CLI::App& verb, serve_command& serve, serve_texts& texts);

/// After parsing: turns the texts into values, and checks what can be wrong between options.
/// Throws errc::usage.
void finish_serve(serve_command& serve, const serve_texts& texts, const value_sources& sources);

} // namespace tarpon::cli
