// tarpon push: one event loop, one push, and the signals that stop it.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stoppable_run.hpp"

#include <tarpon/push.hpp>

#include <string>

namespace tarpon::cli {

namespace {

/// Signals are caught before the first event is out: whoever has seen it may interrupt.
push_report run_push(const push_command& command, push_options options, console& out) {
    stoppable_run run;
    out.start();
    warn_of_access(out, options.connection, command.password_on_command_line);
    return run(push(command.archives, std::move(options), out));
}

} // namespace

int run(const push_command& command) {
    console out(command.output);
    push_options options = command.options;
    // Before signals are caught, so that an interrupt ends the wait for a password.
    try {
        if (command.password_stdin)
            options.connection.password = read_password_line();
    } catch (const error& e) {
        out.start();
        return out.give_up(e);
    }
    try {
        const push_report report = run_push(command, std::move(options), out);
        out.summary(report.summary);
        return out.exit_code(report.exit_code());
    } catch (const error& e) {
        return out.give_up(e);
    }
}

} // namespace tarpon::cli
