// tarpon login and tarpon logout.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stoppable_run.hpp"
#include "model/text.hpp"

#include <tarpon/login.hpp>

namespace tarpon::cli {

namespace {

void say(console& out, const std::string& line) {
    out.print(concat("tarpon: ", line, "\n"));
}

login_report run_login(const std::string& host, connection_options options, console& out) {
    stoppable_run run;
    try {
        return run(login(host, std::move(options), out));
    } catch (const std::exception&) {
        if (!run.stopped())
            throw;
    }
    throw error(errc::cancelled, "interrupted while logging in");
}

void log_in(const login_command& command, console& out) {
    connection_options options = command.connection;
    if (options.username.empty())
        options.username = ask_on_terminal("Username: ", true);
    if (command.password_stdin)
        options.password = read_password_line();
    else if (options.password.empty())
        options.password = ask_on_terminal("Password: ", false);
    warn_of_access(out, options, command.password_on_command_line);
    const login_report done = run_login(command.host, std::move(options), out);
    say(out,
        concat("logged in to ", done.host, " as ", done.username, " (kept in ", done.stored, ")"));
    if (!done.stored.starts_with("helper "))
        out.warning(concat(
            "the password is in ", done.stored,
            " unencrypted; a credential helper would keep it "
            "safer"));
}

void log_out(const login_command& command, console& out) {
    const login_report done = logout(command.host, command.connection);
    say(out, done.stored.empty()
                 ? concat("not logged in to ", done.host)
                 : concat("logged out of ", done.host, " (was in ", done.stored, ")"));
}

} // namespace

int run(const login_command& command) {
    console out(command.output);
    try {
        if (command.log_out)
            log_out(command, out);
        else
            log_in(command, out);
        return out.exit_code(0);
    } catch (const error& e) {
        out.report(e);
        return exit_code_of(class_of(e.code()));
    }
}

} // namespace tarpon::cli
