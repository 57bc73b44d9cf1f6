// See access_options.hpp.
#include "cli/access_options.hpp"

namespace tarpon::cli {
namespace {

constexpr const char* group = "Access";

void add_tls(CLI::App& verb, connection_options& connection) {
    add_option(
        verb, "--ca-file", "FILE", connection.ca_file,
        "PEM file of authorities to trust besides the system's")
        ->group(group);
    add_option(verb, "--cert-file", "FILE", connection.cert_file, "PEM file of our certificate")
        ->group(group);
    add_option(verb, "--key-file", "FILE", connection.key_file, "PEM file of its key")
        ->group(group);
    add_option(
        verb, "--certs-dir", "DIR", connection.certs_dir,
        "folder with HOST[:PORT]/*.crt, *.cert, *.key [docker's and podman's certs.d]")
        ->group(group);
    verb.add_flag(
            "--insecure,--skip-ssl-verify", connection.insecure,
            "do not verify the TLS certificate")
        ->group(group);
    verb.add_flag(
            "--plain-http", connection.plain_http,
            "plain HTTP, also to hosts that are not loopback")
        ->group(group);
}

} // namespace

void add_access(CLI::App& verb, connection_options& connection, bool& password_stdin) {
    add_option(verb, "-u,--username", "NAME", connection.username, "user name")->group(group);
    verb.add_flag("--password-stdin", password_stdin, "read the password from standard input")
        ->group(group);
    add_option(
        verb, "-p,--password", "PASSWORD", connection.password,
        "password (others can see it: better --password-stdin)")
        ->group(group);
    add_option(
        verb, "--authfile", "FILE", connection.auth_file,
        "credentials in docker's or podman's format [the usual places]")
        ->group(group);
    add_tls(verb, connection);
}

bool settle_password(
    connection_options& connection, bool password_stdin, const value_sources& sources) {
    // In the environment nobody else sees it.
    const bool typed = !connection.password.empty() && !sources.from_environment("password");
    if (password_stdin && typed)
        throw error(errc::usage, "--password and --password-stdin cannot be used together");
    if (password_stdin)
        connection.password.clear();
    return typed;
}

void warn_of_access(
    console& out, const connection_options& connection, bool password_on_command_line) {
    if (password_on_command_line)
        out.warning("--password can be seen by other users of this machine; use --password-stdin");
    if (connection.insecure)
        out.warning("--insecure: TLS certificates are not verified");
}

} // namespace tarpon::cli
