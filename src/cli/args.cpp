// See args.hpp. CLI11 parses; every long option has an environment name by one rule, TARPON_NAME.
#include "cli/args.hpp"

#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <utility>

namespace tarpon::cli {
namespace {

constexpr const char* examples = R"(
Examples:
  tarpon push app.tar --registry registry.example.com/team
  tarpon push app.tar --to registry.example.com/team/app:1.0
  tarpon push images.tar --to localhost:5000/app:1.0 --image app:latest
  tarpon inspect app.tar
  tarpon login registry.example.com --username me --password-stdin < password
  tarpon serve --storage ./images

Exit codes: 0 done, 1 bug, 2 usage, 3 archive, 4 authentication, 5 registry refused,
6 network, 7 some images pushed and some not, 130 interrupted.)";

std::string environment_name(std::string_view option) {
    std::string name = "TARPON_";
    for (const char c : option)
        name.push_back(
            c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    return name;
}

/// Adds "--name[,more]" with its environment variable.
template <class Value>
CLI::Option*
add_option(CLI::App& app, const std::string& names, Value& value, const std::string& help) {
    CLI::Option* option = app.add_option(names, value, help);
    return option->envname(environment_name(option->get_lnames().front()));
}

CLI::Option*
add_flag(CLI::App& app, const std::string& names, bool& value, const std::string& help) {
    CLI::Option* option = app.add_flag(names, value, help);
    return option->envname(environment_name(option->get_lnames().front()));
}

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

template <class Value>
Value choose(
    const std::map<std::string, Value>& choices, const std::string& text, std::string_view option) {
    const auto found = choices.find(text);
    if (found != choices.end())
        return found->second;
    std::string names;
    for (const auto& [name, value] : choices)
        if (name.size() > 1)
            names += concat(names.empty() ? "" : ", ", name);
    throw error(
        errc::usage, concat("--", option, " ", foreign_text(text, 80), ": must be one of ", names));
}

/// Texts of options that become other types after parsing.
struct raw_texts {
    std::string compression = "auto";
    std::string format = "auto";
    std::string missing = "error";
    std::string memory;
    std::string chunk_size = "auto";
    std::vector<std::string> map;
    std::string progress = "auto";
    std::string log_level = "warn";
};

void add_output_options(CLI::App& app, output_options& output, raw_texts& raw) {
    add_flag(app, "--json", output.json, "events as JSON lines on standard output");
    add_option(app, "--log-level", raw.log_level, "error, warn, info, debug, trace (or 0 to 4)");
}

void finish_output(output_options& output, const raw_texts& raw) {
    output.log_level = choose(log_levels, raw.log_level, "log-level");
    output.progress = choose(progress_styles, raw.progress, "progress");
}

void add_where(CLI::App& app, push_command& push, raw_texts& raw) {
    destination& where = push.options.where;
    const char* const group = "Where images go";
    add_option(
        app, "--registry", where.registry,
        "HOST[:PORT][/PREFIX]; names and tags come from the archive")
        ->group(group);
    add_option(
        app, "--to", where.to, "REPOSITORY[:TAG] for one image (repeatable for several tags)")
        ->allow_extra_args(false)
        ->group(group);
    add_option(app, "--image", where.image, "which image of the archive: NAME[:TAG] or @INDEX")
        ->group(group);
    add_option(
        app, "--staging", where.staging,
        "repository for a pipe's blobs until names are known [PREFIX/tarpon-staging]")
        ->group(group);
    add_option(
        app, "--map", raw.map,
        "REGEX=REPLACEMENT for repository names, with --registry (repeatable)")
        ->allow_extra_args(false)
        ->group(group);
}

void add_what(CLI::App& app, push_command& push, raw_texts& raw) {
    push_options& options = push.options;
    const char* const group = "What is pushed";
    add_option(app, "--compression", raw.compression, "auto, gzip, zstd, none [auto]")
        ->group(group);
    add_option(
        app, "--compression-level", options.compression_level, "1 fastest to 9 smallest (zstd: 19)")
        ->check(CLI::Range(1, 19))
        ->group(group);
    add_option(
        app, "--format", raw.format, "manifests that have to be built: auto, oci, docker [auto]")
        ->group(group);
    add_option(
        app, "--platform", options.platforms, "OS/ARCH[/VARIANT] to push of an index (repeatable)")
        ->allow_extra_args(false)
        ->group(group);
    add_option(
        app, "--missing-platforms", raw.missing,
        "error, or prune: push an index without them [error]")
        ->group(group);
    add_flag(
        app, "-n,--dry-run", options.dry_run,
        "ask the registry, send nothing, say what would be sent")
        ->group(group);
}

void add_how(CLI::App& app, push_command& push, raw_texts& raw) {
    push_options& options = push.options;
    const char* const group = "How it is pushed";
    add_option(app, "-j,--jobs", options.jobs, "most uploads and connections at a time [6]")
        ->check(CLI::Range(1, limits::jobs_max))
        ->group(group);
    add_option(
        app, "--threads", options.threads, "workers for hashing and compression [processors]")
        ->check(CLI::Range(1, limits::threads_max))
        ->group(group);
    add_option(
        app, "--retries", options.retries, "tries after the first, for each request or blob [5]")
        ->check(CLI::Range(0, limits::retries_max))
        ->group(group);
    add_option(
        app, "--chunk-size", raw.chunk_size,
        "auto: one request a blob, chunks where the registry wants them; none; or SIZE [auto]")
        ->group(group);
    add_option(app, "--memory", raw.memory, "hard cap on buffers [48M]")->group(group);
    add_option(
        app, "--spool", options.spool, "copy a pipe to this folder first, instead of one pass")
        ->group(group);
}

void add_tls(CLI::App& app, connection_options& connection) {
    const char* const group = "Access";
    add_option(
        app, "--ca-file", connection.ca_file,
        "PEM file of authorities to trust besides the system's")
        ->group(group);
    add_option(app, "--cert-file", connection.cert_file, "PEM file of our certificate")
        ->group(group);
    add_option(app, "--key-file", connection.key_file, "PEM file of its key")->group(group);
    add_option(
        app, "--certs-dir", connection.certs_dir,
        "folder with HOST[:PORT]/*.crt, *.cert, *.key [docker's and podman's certs.d]")
        ->group(group);
    add_flag(
        app, "--insecure,--skip-ssl-verify", connection.insecure,
        "do not verify the TLS certificate")
        ->group(group);
    add_flag(
        app, "--plain-http", connection.plain_http,
        "plain HTTP, also to hosts that are not loopback")
        ->group(group);
}

/// What push and login share: who we are and how to reach a registry.
void add_access(CLI::App& app, connection_options& connection, bool& password_stdin) {
    const char* const group = "Access";
    add_option(app, "-u,--username", connection.username, "user name")->group(group);
    add_flag(app, "--password-stdin", password_stdin, "read the password from standard input")
        ->group(group);
    add_option(
        app, "-p,--password", connection.password,
        "password (others can see it: better --password-stdin)")
        ->group(group);
    add_option(
        app, "--authfile", connection.auth_file,
        "credentials in docker's or podman's format [the usual places]")
        ->group(group);
    add_tls(app, connection);
}

void add_push(CLI::App& app, push_command& push, raw_texts& raw) {
    app.add_option(
           "ARCHIVE", push.archives, "archives of docker save, podman, skopeo, buildx, crane …")
        ->required();
    add_where(app, push, raw);
    add_what(app, push, raw);
    add_how(app, push, raw);
    add_access(app, push.options.connection, push.password_stdin);
    add_option(
        app, "--registry-token", push.options.connection.registry_token,
        "bearer token to be sent as it is")
        ->group("Access");
    add_output_options(app, push.output, raw);
    add_option(app, "--progress", raw.progress, "auto, bar, plain, none [auto]");
    add_flag(app, "-q,--quiet", push.output.quiet, "no progress");
    app.footer(examples);
}

bool has_password(const connection_options& connection, bool password_stdin) {
    return password_stdin || !connection.password.empty();
}

/// --password-stdin wins over the environment, not over --password. Returns whether the password
/// was typed, where others see it. Throws errc::usage.
bool check_password(connection_options& connection, bool password_stdin) {
    // In the environment nobody else sees it, and what is typed comes before it.
    std::string& given = connection.password;
    const char* const environment = std::getenv("TARPON_PASSWORD");
    const bool typed = !given.empty() && (!environment || given != environment);
    if (password_stdin && !typed)
        given.clear();
    if (password_stdin && !given.empty())
        throw error(errc::usage, "--password and --password-stdin cannot be used together");
    return typed;
}

void add_login(CLI::App& app, login_command& login, raw_texts& raw) {
    app.add_option("HOST", login.host, "registry [docker.io]");
    add_access(app, login.connection, login.password_stdin);
    add_option(app, "--log-level", raw.log_level, "error, warn, info, debug, trace (or 0 to 4)");
}

void add_logout(CLI::App& app, login_command& login, raw_texts& raw) {
    login.log_out = true;
    app.add_option("HOST", login.host, "registry [docker.io]");
    add_option(
        app, "--authfile", login.connection.auth_file,
        "file to remove from [docker's config.json]");
    add_option(app, "--log-level", raw.log_level, "error, warn, info, debug, trace (or 0 to 4)");
}

std::uint64_t size_of_option(std::string_view option, const std::string& text) {
    try {
        return parse_size(text);
    } catch (error& e) {
        throw e.in(concat("--", option));
    }
}

/// A password in an address would come back in errors and logs: not even the refusal repeats it.
void refuse_userinfo(std::string_view name, std::string_view text) {
    for (std::size_t at = text.find('@'); at != text.npos; at = text.find('@', at + 1)) {
        const std::string_view after = text.substr(at + 1);
        if (!after.starts_with("sha256:") && !after.starts_with("sha512:"))
            throw error(
                errc::usage,
                concat(name, ": what stands before '@' does not belong into an address"), {},
                "--username NAME --password-stdin");
    }
}

void finish_chunks(push_options& options, const std::string& text) {
    if (text == "auto" || text.empty())
        return;
    if (text == "none") {
        options.chunks = chunking::never;
        return;
    }
    options.chunks = chunking::always;
    options.chunk_bytes = size_of_option("chunk-size", text);
}

void finish_push(push_command& push, const raw_texts& raw) {
    push_options& options = push.options;
    options.layers = choose(compressions, raw.compression, "compression");
    options.format = choose(formats, raw.format, "format");
    options.if_platforms_missing = choose(missing_choices, raw.missing, "missing-platforms");
    finish_chunks(options, raw.chunk_size);
    if (!raw.memory.empty())
        options.memory_bytes = size_of_option("memory", raw.memory);
    for (const std::string& rule : raw.map) {
        const std::size_t equals = rule.rfind('=');
        if (equals == rule.npos)
            throw error(
                errc::usage,
                concat("--map ", foreign_text(rule, 80), ": must be REGEX=REPLACEMENT"));
        options.where.map.emplace_back(rule.substr(0, equals), rule.substr(equals + 1));
    }
    refuse_userinfo("--registry", options.where.registry);
    refuse_userinfo("--staging", options.where.staging);
    for (const std::string& to : options.where.to)
        refuse_userinfo("--to", to);
    const bool stdin_twice =
        push.password_stdin && std::count(push.archives.begin(), push.archives.end(), "-") > 0;
    if (stdin_twice)
        throw error(errc::usage, "standard input cannot carry both the archive and the password");
    push.password_on_command_line = check_password(options.connection, push.password_stdin);
    if (options.connection.username.empty()
        && has_password(options.connection, push.password_stdin))
        throw error(errc::usage, "a password needs --username");
    finish_output(push.output, raw);
}

void add_inspect(CLI::App& app, inspect_command& inspect, raw_texts& raw) {
    app.add_option("ARCHIVE", inspect.archive, "an image archive")->required();
    add_output_options(app, inspect.output, raw);
}

void add_serve(CLI::App& app, serve_command& serve, raw_texts& raw) {
    add_option(app, "--listen", serve.options.listen, "ADDRESS:PORT [127.0.0.1:8080]");
    add_option(
        app, "--storage", serve.options.storage, "folder of the registry [./tarpon-registry]");
    add_option(app, "--threads", serve.options.threads, "workers for hashing and disk [processors]")
        ->check(CLI::Range(1, limits::threads_max));
    add_output_options(app, serve.output, raw);
}

std::string version_text() {
    return "tarpon " TARPON_VERSION "\n";
}

} // namespace

std::uint64_t parse_size(const std::string& text) {
    static constexpr std::string_view units = "KMGT";
    std::string_view digits = text;
    std::uint64_t factor = 1;
    if (!digits.empty()) {
        const char unit =
            static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back())));
        const std::size_t power = units.find(unit);
        if (power != units.npos) {
            digits.remove_suffix(1);
            factor = 1ull << (10 * (power + 1));
        }
    }
    const auto value = parse_decimal(digits);
    if (!value || *value > (1ull << 62) / factor)
        throw error(
            errc::usage, concat(
                             "\"", foreign_text(text, 40),
                             "\" is not a size (like 48M; K, M, G are powers of 1024)"));
    return *value * factor;
}

bool wants_json(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view given = argv[i];
        if (given == "--json" || given == "--json=true")
            return true;
        if (given.starts_with("--json="))
            return false;
    }
    const char* const environment = std::getenv("TARPON_JSON");
    const std::string value = to_lower(environment ? environment : "");
    return value == "1" || value == "true" || value == "on" || value == "yes";
}

bool is_push(int argc, const char* const* argv) {
    return std::any_of(
        argv, argv + argc, [](const char* arg) { return std::string_view(arg) == "push"; });
}

namespace {

/// How many letters have to be changed, added or left out to make one of the other.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t change = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

/// An option with its value left out: that may be a password.
std::string name_of_option(std::string_view text) {
    return foreign_text(text.substr(0, text.find('=')), 40);
}

/// The known option that `name` nearly is; empty if none.
std::string near_option(const CLI::App& verb, const std::string& name) {
    if (name.size() > 4)
        for (const CLI::Option* known : verb.get_options())
            for (const std::string& other : known->get_lnames())
                if (distance(std::string_view(name).substr(2), other) <= 2)
                    return concat("--", other);
    return {};
}

/// A word too many on the line of a verb.
std::string too_many(const std::string& verb) {
    if (verb == "inspect")
        return "tarpon inspect takes one archive, and there are more";
    if (verb == "login" || verb == "logout")
        return concat("tarpon ", verb, " takes one host, and there are more");
    return concat("tarpon ", verb, " takes options only");
}

/// Names one thing of the line that does not belong there.
std::string unexpected(const CLI::App& app, std::string& hint) {
    const auto is_option = [](const std::string& one) {
        return one.starts_with('-');
    };
    const auto parsed = app.get_subcommands();
    const std::vector<std::string> before = app.remaining(false);
    if (parsed.empty())
        return is_option(before.front())
                   ? concat("there is no option ", name_of_option(before.front()))
                   : concat("there is no verb \"", foreign_text(before.front(), 40), "\"");
    const std::string verb = concat("tarpon ", parsed.front()->get_name());
    if (!before.empty())
        return is_option(before.front())
                   ? concat(
                       "options come after the verb: ", verb, " ", name_of_option(before.front()))
                   : concat("nothing may stand before the verb ", parsed.front()->get_name());
    const std::vector<std::string> left = parsed.front()->remaining(true);
    const auto option = std::find_if(left.begin(), left.end(), is_option);
    if (option == left.end())
        return too_many(parsed.front()->get_name());
    const std::string name = name_of_option(*option);
    const std::string near = near_option(*parsed.front(), name);
    if (!near.empty())
        hint = concat(near, " is one; ", hint);
    return concat(verb, " has no option ", name);
}

error usage_error(const CLI::App& app, const CLI::ParseError& e) {
    const auto parsed = app.get_subcommands();
    const std::string verb =
        parsed.empty() ? "tarpon" : concat("tarpon ", parsed.front()->get_name());
    std::string hint = concat(verb, " --help");
    std::string message = foreign_text(e.what());
    const auto is = [&e](CLI::ExitCodes code) {
        return e.get_exit_code() == static_cast<int>(code);
    };
    if (is(CLI::ExitCodes::ExtrasError) || (parsed.empty() && !app.remaining(false).empty()))
        message = unexpected(app, hint);
    else if (parsed.empty())
        message = "a verb is missing: push, inspect, login, logout or serve";
    else if (is(CLI::ExitCodes::RequiredError))
        message = concat(verb, " needs an archive");
    return error(errc::usage, std::move(message), {}, std::move(hint));
}

} // namespace

any_command parse(int argc, const char* const* argv) {
    CLI::App app(
        "tarpon pushes container image archives into a registry, straight from the tar.", "tarpon");
    app.footer(examples);
    app.require_subcommand(1);
    bool version = false;
    app.add_flag("--version", version, "print the version");
    push_command push;
    inspect_command inspect;
    login_command login, logout;
    serve_command serve;
    raw_texts push_raw, inspect_raw, login_raw, serve_raw;
    CLI::App* push_app = app.add_subcommand("push", "push every image of every archive");
    CLI::App* inspect_app =
        app.add_subcommand("inspect", "list images, tags, platforms and layers of an archive");
    CLI::App* login_app =
        app.add_subcommand("login", "check credentials and keep them where docker does");
    CLI::App* logout_app = app.add_subcommand("logout", "forget the credentials of a registry");
    CLI::App* serve_app = app.add_subcommand("serve", "serve a folder as a registry");
    app.add_subcommand("version", "print the version");
    CLI::App* help_app = app.add_subcommand("help", "print this help");
    std::string help_verb;
    help_app->add_option("VERB", help_verb, "a verb");
    add_push(*push_app, push, push_raw);
    add_inspect(*inspect_app, inspect, inspect_raw);
    add_login(*login_app, login, login_raw);
    add_logout(*logout_app, logout, login_raw);
    add_serve(*serve_app, serve, serve_raw);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        const auto parsed = app.get_subcommands();
        return print_command{(parsed.empty() ? &app : parsed.front())->help()};
    } catch (const CLI::ParseError& e) {
        if (version)
            return print_command{version_text()};
        throw usage_error(app, e);
    }
    if (version || app.got_subcommand("version"))
        return print_command{version_text()};
    if (app.got_subcommand(help_app)) {
        if (help_verb.empty())
            return print_command{app.help()};
        for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
            if (verb->get_name() == help_verb)
                return print_command{verb->help()};
        throw error(
            errc::usage, concat("there is no verb \"", foreign_text(help_verb, 40), "\""), {},
            "tarpon --help");
    }
    if (app.got_subcommand(push_app)) {
        finish_push(push, push_raw);
        return push;
    }
    if (app.got_subcommand(inspect_app)) {
        finish_output(inspect.output, inspect_raw);
        return inspect;
    }
    refuse_userinfo("HOST", login.host);
    refuse_userinfo("HOST", logout.host);
    if (app.got_subcommand(login_app)) {
        login.password_on_command_line = check_password(login.connection, login.password_stdin);
        finish_output(login.output, login_raw);
        return login;
    }
    if (app.got_subcommand(logout_app)) {
        finish_output(logout.output, login_raw);
        return logout;
    }
    finish_output(serve.output, serve_raw);
    return serve;
}

} // namespace tarpon::cli
