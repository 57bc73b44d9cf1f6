// tarpon push: one event loop, one push, and the signals that stop it.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stop_signals.hpp"

#include <tarpon/push.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>

namespace tarpon::cli {

namespace asio = boost::asio;

namespace {

/// Signals are caught before the first event is out: whoever has seen it may interrupt.
push_report run_push(const push_command& command, push_options options, console& out) {
    asio::io_context io{1};
    stop_signals stop(io);
    out.start();
    warn_of_access(out, options.connection, command.password_on_command_line);
    std::optional<push_report> report;
    std::exception_ptr failed;
    auto on_end = [&](std::exception_ptr e, push_report r) {
        failed = e;
        report = std::move(r);
        stop.forget();
    };
    asio::co_spawn(
        io, push(command.archives, std::move(options), out),
        asio::bind_cancellation_slot(stop.slot(), on_end));
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
        return give_up(out, e);
    }
    try {
        const push_report report = run_push(command, std::move(options), out);
        out.summary(report.summary);
        return report.exit_code();
    } catch (const error& e) {
        return give_up(out, e);
    }
}

} // namespace tarpon::cli
