// See output_options.hpp.
#include "cli/output_options.hpp"

namespace tarpon::cli {
namespace {

const std::map<std::string, progress_style> progress_styles{
    {"auto", progress_style::automatic},
    {"bar", progress_style::bar},
    {"plain", progress_style::plain},
    {"none", progress_style::none}};
const std::map<std::string, log_level> log_levels{
    {"error", log_level::error}, {"warn", log_level::warn},   {"info", log_level::info},
    {"debug", log_level::debug}, {"trace", log_level::trace}, {"0", log_level::error},
    {"1", log_level::warn},      {"2", log_level::info},      {"3", log_level::debug},
    {"4", log_level::trace}};

} // namespace

void add_json(CLI::App& verb, output_options& output) {
    verb.add_flag("--json", output.json, "events as JSON lines on standard output");
}

void add_log_level(CLI::App& verb, output_texts& texts) {
    add_option(
        verb, "--log-level", "LEVEL", texts.log_level,
        "error, warn, info, debug, trace (or 0 to 4) [warn]");
}

void add_progress(CLI::App& verb, output_options& output, output_texts& texts) {
    add_option(verb, "--progress", "STYLE", texts.progress, "auto, bar, plain, none [auto]");
    verb.add_flag("-q,--quiet", output.quiet, "no progress");
}

void finish_output(
    output_options& output, const output_texts& texts, const value_sources& sources) {
    output.log_level = choose(log_levels, texts.log_level, sources.name("log-level"));
    output.from_environment = sources.all_from_environment();
    output.progress = choose(progress_styles, texts.progress, sources.name("progress"));
}

} // namespace tarpon::cli
