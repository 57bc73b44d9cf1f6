// tarpon migrate: one event loop, one migration, its reports, and the signals that stop it.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stop_signals.hpp"
#include "migrate/report.hpp"

#include <tarpon/migrate.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>

namespace tarpon::cli {

namespace asio = boost::asio;

namespace {

migrate_report
run_migration(const migrate_command& command, migrate_options options, console& out) {
    asio::io_context io{1};
    stop_signals stop(io);
    out.start();
    warn_of_access(out, options.push.connection, command.push.password_on_command_line);
    std::optional<migrate_report> report;
    std::exception_ptr failed;
    auto on_end = [&](std::exception_ptr e, migrate_report r) {
        failed = e;
        report = std::move(r);
        stop.forget();
    };
    asio::co_spawn(
        io, migrate(std::move(options), out), asio::bind_cancellation_slot(stop.slot(), on_end));
    io.run();
    if (failed)
        std::rethrow_exception(failed);
    return std::move(*report);
}

int give_up(console& out, const error& why) {
    out.report(why);
    push_summary nothing;
    nothing.failed = 1;
    out.summary(nothing);
    return exit_code_of(class_of(why.code()));
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
        return give_up(out, e);
    }
    try {
        const migrate_report report = run_migration(command, std::move(options), out);
        const int unwritten = write_reports(command, report, out);
        out.summary(report.summary);
        const int code = report.exit_code();
        return code != 0 ? code : unwritten;
    } catch (const error& e) {
        return give_up(out, e);
    }
}

} // namespace tarpon::cli
