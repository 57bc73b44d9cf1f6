// See push_options.hpp.
#include "cli/push_options.hpp"

#include "cli/access_options.hpp"
#include "model/environment.hpp"
#include "model/text.hpp"

#include <algorithm>

namespace tarpon::cli {
namespace {

const std::map<std::string, compression> compressions{
    {"auto", compression::automatic},
    {"gzip", compression::gzip},
    {"zstd", compression::zstd},
    {"none", compression::none}};
const std::map<std::string, manifest_format> formats{
    {"auto", manifest_format::automatic},
    {"oci", manifest_format::oci},
    {"docker", manifest_format::docker}};
const std::map<std::string, missing_platforms> missing_choices{
    {"error", missing_platforms::error}, {"prune", missing_platforms::prune}};

void add_where(CLI::App& verb, push_command& push, push_texts& texts) {
    destination& where = push.options.where;
    const char* const group = "Where images go";
    add_option(
        verb, "--registry", "HOST[:PORT][/PREFIX]", where.registry,
        "names and tags come from the archive")
        ->group(group);
    add_option(
        verb, "--staging", "REPOSITORY", where.staging,
        "for a pipe's blobs until names are known [PREFIX/tarpon-staging]")
        ->group(group);
    add_repeatable(
        verb, "--map", "REGEX=REPLACEMENT", texts.map, "for repository names, with --registry")
        ->group(group);
}

void add_exact_names(CLI::App& verb, destination& where) {
    const char* const group = "Where images go";
    add_repeatable(verb, "--to", "REPOSITORY[:TAG]", where.to, "exactly this name, for one image")
        ->group(group);
    add_option(verb, "--image", "NAME[:TAG]|@INDEX", where.image, "which image of the archive")
        ->group(group);
}

void add_what(CLI::App& verb, push_command& push, push_texts& texts) {
    push_options& options = push.options;
    const char* const group = "What is pushed";
    add_option(verb, "--compression", "KIND", texts.compression, "auto, gzip, zstd, none [auto]")
        ->group(group);
    add_option(
        verb, "--compression-level", "N", options.compression_level,
        "1 fastest to 9 smallest (zstd: 19)")
        ->check(CLI::Range(1, 19))
        ->group(group);
    add_option(
        verb, "--format", "KIND", texts.format,
        "manifests that have to be built: auto, oci, docker [auto]")
        ->group(group);
    add_repeatable(
        verb, "--platform", "OS/ARCH[/VARIANT]", options.platforms,
        "what to push of an index [all]")
        ->group(group);
    add_option(
        verb, "--missing-platforms", "CHOICE", texts.missing,
        "error, or prune: push an index without them [error]")
        ->group(group);
    verb.add_flag(
            "-n,--dry-run", options.dry_run,
            "ask the registry, send nothing, say what would be sent")
        ->group(group);
}

void add_how(CLI::App& verb, push_command& push, push_texts& texts) {
    push_options& options = push.options;
    const char* const group = "How it is pushed";
    add_option(verb, "-j,--jobs", "N", options.jobs, "most uploads and connections at a time [6]")
        ->check(CLI::Range(1, limits::jobs_max))
        ->group(group);
    add_option(
        verb, "--threads", "N", options.threads, "workers for hashing and compression [processors]")
        ->check(CLI::Range(1, limits::threads_max))
        ->group(group);
    add_option(
        verb, "--retries", "N", options.retries,
        "tries after the first, for each request or blob [5]")
        ->check(CLI::Range(0, limits::retries_max))
        ->group(group);
    add_option(
        verb, "--chunk-size", "SIZE", texts.chunk_size,
        "auto: one request a blob, chunks where the registry wants them; none; or SIZE [auto]")
        ->group(group);
    add_repeatable(
        verb, "--reuse-from", "REF", options.reuse_from,
        "take layers of this image of the registry, besides the one the tag has")
        ->group(group);
    add_option(
        verb, "--limit-rate", "SIZE", texts.limit_rate,
        "bytes a second at most, over all connections [no bound]")
        ->group(group);
    CLI::Option* const state = add_option(
        verb, "--state", "DIR", options.state,
        "where digests and unfinished uploads are remembered [$XDG_STATE_HOME/tarpon]");
    state->group(group);
    verb.add_flag("--no-state", texts.no_state, "remember nothing, and use nothing remembered")
        ->excludes(state)
        ->group(group);
    add_option(verb, "--memory", "SIZE", texts.memory, "hard cap on buffers [48M]")->group(group);
    add_option(
        verb, "--spool", "DIR", options.spool,
        "copy a pipe to this folder first, instead of one pass")
        ->group(group);
}

/// XDG Base Directory Specification; empty where there is no home.
std::string state_folder() {
    const std::string base = process_environment("XDG_STATE_HOME").value_or("");
    if (base.starts_with('/')) // a relative path is invalid, and ignored
        return concat(base, "/tarpon");
    const std::string home = process_environment("HOME").value_or("");
    return home.empty() ? std::string() : concat(home, "/.local/state/tarpon");
}

void finish_chunks(push_options& options, const std::string& name, const std::string& text) {
    if (text == "auto" || text.empty())
        return;
    if (text == "none") {
        options.chunks = chunking::never;
        return;
    }
    options.chunks = chunking::always;
    options.chunk_bytes = size_of(name, text);
}

void finish_where(
    destination& where, const std::vector<std::string>& rules, const value_sources& sources) {
    const std::string registry = sources.name("registry"), to = sources.name("to");
    refuse_userinfo(registry, where.registry);
    refuse_userinfo(sources.name("staging"), where.staging);
    for (const std::string& one : where.to)
        refuse_userinfo(to, one);
    if (!where.registry.empty() && !where.to.empty())
        throw error(errc::usage, concat(registry, " and ", to, " cannot be used together"));
    for (const std::string& rule : rules) {
        const std::size_t equals = rule.rfind('=');
        if (equals == rule.npos)
            throw error(
                errc::usage, concat(
                                 sources.name("map"), " ", foreign_text(rule, 80),
                                 ": must be REGEX=REPLACEMENT"));
        where.map.emplace_back(rule.substr(0, equals), rule.substr(equals + 1));
    }
}

void finish_password(push_command& push, const value_sources& sources) {
    connection_options& connection = push.options.connection;
    push.password_on_command_line = settle_password(connection, push.password_stdin, sources);
    if (connection.username.empty() && (push.password_stdin || !connection.password.empty()))
        throw error(errc::usage, "a password needs --username");
}

} // namespace

void add_push(CLI::App& verb, push_command& push, push_texts& texts) {
    verb.add_option(
            "ARCHIVE", push.archives, "archives of docker save, podman, skopeo, buildx, crane …")
        ->required()
        ->option_text("...");
    add_exact_names(verb, push.options.where);
    add_push_options(verb, push, texts);
}

void add_push_options(CLI::App& verb, push_command& push, push_texts& texts) {
    add_where(verb, push, texts);
    add_what(verb, push, texts);
    add_how(verb, push, texts);
    add_access(verb, push.options.connection, push.password_stdin);
    add_option(
        verb, "--registry-token", "TOKEN", push.options.connection.registry_token,
        "bearer token to be sent as it is")
        ->group("Access");
    add_json(verb, push.output);
    add_log_level(verb, texts.output);
    add_progress(verb, push.output, texts.output);
}

void check_stdin(
    const std::vector<std::string>& inputs,
    std::string_view name,
    std::string_view what,
    bool password_too) {
    const auto readers = std::count(inputs.begin(), inputs.end(), name);
    if (readers > 1)
        throw error(
            errc::usage,
            concat("standard input (", name, ") can be read once, and is named more than once"));
    if (password_too && readers > 0)
        throw error(
            errc::usage,
            concat("standard input cannot carry both the ", what, " and the password"));
}

void finish_push(push_command& push, const push_texts& texts, const value_sources& sources) {
    push_options& options = push.options;
    options.layers = choose(compressions, texts.compression, sources.name("compression"));
    options.format = choose(formats, texts.format, sources.name("format"));
    options.if_platforms_missing =
        choose(missing_choices, texts.missing, sources.name("missing-platforms"));
    finish_chunks(options, sources.name("chunk-size"), texts.chunk_size);
    if (!texts.memory.empty())
        options.memory_bytes = size_of(sources.name("memory"), texts.memory);
    if (!texts.limit_rate.empty())
        options.rate_bytes_per_second = size_of(sources.name("limit-rate"), texts.limit_rate);
    if (texts.no_state)
        options.state.clear();
    else if (options.state.empty()) {
        options.state = state_folder();
        options.state_is_default = true;
    }
    finish_where(options.where, texts.map, sources);
    check_stdin(push.archives, "-", "archive", push.password_stdin);
    finish_password(push, sources);
    finish_output(push.output, texts.output, sources);
}

} // namespace tarpon::cli
