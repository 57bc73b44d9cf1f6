// See serve_options.hpp.
#include "cli/serve_options.hpp"

#include "cli/access_options.hpp"
#include "model/text.hpp"

namespace tarpon::cli {
namespace {

void add_target(CLI::App& verb, serve_options& options) {
    const char* const group = "Where images go";
    add_option(
        verb, "--storage", "DIR", options.storage,
        "folder of the embedded registry [./tarpon-registry]")
        ->group(group);
    add_option(
        verb, "--registry", "HOST[:PORT][/PREFIX]", options.registry,
        "forward to this registry, instead of the embedded one")
        ->group(group);
}

void add_port(CLI::App& verb, serve_options& options, serve_texts& texts) {
    const char* const group = "Who may send what";
    add_option(
        verb, "--listen", "ADDRESS:PORT", options.listen,
        "where to listen; port 0: any free one [127.0.0.1:8080]")
        ->group(group);
    add_option(
        verb, "--htpasswd", "FILE", options.htpasswd,
        "users and bcrypt hashes (htpasswd -B); everything needs a login then, pulls too")
        ->group(group);
    add_option(
        verb, "--tls-cert", "FILE", options.tls_cert,
        "PEM certificate and what stands behind it; TLS is spoken then, and nothing else")
        ->group(group);
    add_option(verb, "--tls-key", "FILE", options.tls_key, "PEM key of that certificate")
        ->group(group);
    add_repeatable(
        verb, "--allow-push", "CIDR", options.allow_push,
        "only clients of this network may push and delete [all]")
        ->group(group);
    verb.add_flag(
            "--allow-anonymous", options.allow_anonymous,
            "listen on other addresses than loopback, though nobody has to log in")
        ->group(group);
    add_repeatable(
        verb, "--allow-host", "NAME", options.hosts,
        "a name by which clients may know this server, besides loopback's")
        ->group(group);
    add_option(
        verb, "--max-upload", "SIZE", texts.max_upload, "most bytes of an archive [no bound]")
        ->group(group);
}

void add_collection(CLI::App& verb, serve_options& options, serve_texts& texts) {
    const char* const group = "What the embedded registry removes by itself";
    add_option(
        verb, "--gc-interval", "TIME", texts.gc_interval,
        "look at least this often for what nobody needs; 0: never [1h]")
        ->group(group);
    add_option(
        verb, "--gc-grace", "TIME", texts.gc_grace,
        "keep what was pushed or asked for by a push within this time [1h]")
        ->group(group);
    verb.add_flag(
            "--gc-untagged", options.collect_untagged,
            "also remove images that never had a tag, or lost it to another image")
        ->group(group);
}

void add_operation(CLI::App& verb, serve_options& options, serve_texts& texts) {
    const char* const group = "Operation";
    add_option(
        verb, "--access-log", "FILE|-", options.access_log,
        "a line of JSON for each request; -: standard output [none]")
        ->group(group);
    texts.stop_seconds = options.stop_time.count();
    add_option(
        verb, "--stop-time", "SECONDS", texts.stop_seconds,
        "how long what is under way may go on when told to stop [10]")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{limits::server_stop_time_max.count()}))
        ->group(group);
}

} // namespace

void add_serve(CLI::App& verb, serve_command& serve, serve_texts& texts) {
    serve_options& options = serve.options;
    add_target(verb, options);
    add_port(verb, options, texts);
    add_collection(verb, options, texts);
    add_operation(verb, options, texts);
    add_option(verb, "--threads", "N", options.threads, "workers for hashing and disk [processors]")
        ->check(CLI::Range(1, limits::threads_max));
    add_access(verb, options.connection, serve.password_stdin);
    add_json(verb, serve.output);
    add_log_level(verb, texts.output);
}

void finish_serve(serve_command& serve, const serve_texts& texts, const value_sources& sources) {
    serve_options& options = serve.options;
    options.stop_time = std::chrono::seconds(texts.stop_seconds);
    if (!texts.max_upload.empty())
        options.upload_bytes_max = size_of(sources.name("max-upload"), texts.max_upload);
    if (!texts.gc_interval.empty())
        options.collect_every = duration_of(sources.name("gc-interval"), texts.gc_interval);
    if (!texts.gc_grace.empty())
        options.collect_grace = duration_of(sources.name("gc-grace"), texts.gc_grace);
    refuse_userinfo(sources.name("registry"), options.registry);
    // The variable may be there for push.
    if (sources.from_environment("registry") && sources.from_environment("storage"))
        options.registry.clear();
    if (!options.registry.empty() && sources.given("storage"))
        throw error(
            errc::usage, concat(
                             sources.name("registry"), " and ", sources.name("storage"),
                             " cannot be used together"));
    if (options.registry.empty() && sources.given("username")
        && !sources.from_environment("username"))
        throw error(
            errc::usage,
            "--username is who this server is to --registry; who may use the server is in "
            "--htpasswd FILE");
    serve.password_on_command_line =
        settle_password(options.connection, serve.password_stdin, sources);
    if (options.connection.username.empty()
        && (serve.password_stdin || !options.connection.password.empty()))
        throw error(errc::usage, "a password needs --username");
    finish_output(serve.output, texts.output, sources);
}

} // namespace tarpon::cli
