// tarpon migrate: one event loop, one migration, its reports, and the signals that stop it.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stoppable_run.hpp"
#include "migrate/report.hpp"

#include <tarpon/migrate.hpp>

#include <string>

namespace tarpon::cli {

namespace {

migrate_report
run_migration(const migrate_command& command, migrate_options options, console& out) {
    stoppable_run run;
    out.start();
    warn_of_access(out, options.push.connection, command.push.password_on_command_line);
    return run(migrate(std::move(options), out));
}

/// Of what was done, whatever becomes of the files. The exit code: that of the first file that
/// could not be written, where all else is well.
int write_reports(const migrate_command& command, const migrate_report& report, console& out) {
    int code = 0;
    for (const std::string& path : command.reports) {
        try {
            migration::write_report(report, path);
        } catch (const error& e) {
            out.report(e);
            code = code != 0 ? code : exit_code_of(class_of(e.code()));
        }
    }
    return code;
}

} // namespace

int run(const migrate_command& command) {
    console out(command.push.output);
    migrate_options options = command.options;
    options.push = command.push.options;
    // Before signals are caught, so that an interrupt ends the wait for a password.
    try {
        if (command.push.password_stdin)
            options.push.connection.password = read_password_line();
    } catch (const error& e) {
        out.start();
        return out.give_up(e);
    }
    try {
        const migrate_report report = run_migration(command, std::move(options), out);
        const int unwritten = write_reports(command, report, out);
        out.summary(report.summary);
        const int code = report.exit_code();
        return out.exit_code(code != 0 ? code : unwritten);
    } catch (const error& e) {
        return out.give_up(e);
    }
}

} // namespace tarpon::cli
