// tarpon serve: page, pushes and the embedded registry until a signal comes.
#include "cli/access_options.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/password.hpp"
#include "cli/stop_signals.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

namespace tarpon::cli {

namespace asio = boost::asio;

namespace {

void print_listening(const serve_command& command, const std::string& address) {
    const serve_options& options = command.options;
    const bool forwards = !options.registry.empty();
    const bool tls = !options.tls_cert.empty();
    const std::string url = concat(tls ? "https://" : "http://", address);
    std::string line = forwards
                           ? concat("tarpon: forwarding from ", url, ", to ", options.registry)
                           : concat("tarpon: registry at ", url, ", storage ", options.storage);
    if (command.output.json) {
        boost::json::object event{{"schema", 1}, {"event", "listening"}, {"address", address}};
        event["tls"] = tls;
        event[forwards ? "registry" : "storage"] = forwards ? options.registry : options.storage;
        line = boost::json::serialize(event);
    }
    std::puts(line.c_str());
    std::fflush(stdout);
}

void warn_of(const serve_command& command, console& out) {
    warn_of_access(out, command.options.connection, command.password_on_command_line);
    if (command.options.allow_anonymous)
        out.warning("--allow-anonymous: who reaches the port may push, pull and delete");
}

/// The soft limit is 1,024 mostly, for programs that use select(); this one does not.
void allow_many_connections() {
    struct rlimit most {};
    if (::getrlimit(RLIMIT_NOFILE, &most) != 0)
        return;
    const rlim_t wanted = 4 * limits::server_connections_max;
    most.rlim_cur = std::max(most.rlim_cur, std::min<rlim_t>(most.rlim_max, wanted));
    (void)::setrlimit(RLIMIT_NOFILE, &most);
}

} // namespace

int run(const serve_command& command) {
    console out(command.output);
    allow_many_connections();
    serve_options options = command.options;
    // Before signals are caught, so that an interrupt ends the wait for a password.
    try {
        if (command.password_stdin)
            options.connection.password = read_password_line();
    } catch (const error& e) {
        out.report(e);
        return exit_code_of(class_of(e.code()));
    }
    warn_of(command, out);
    asio::io_context io{1};
    stop_signals stop(io);
    std::exception_ptr failed;
    auto on_end = [&](std::exception_ptr e) {
        failed = e;
        stop.forget();
    };
    serve_events events;
    events.listening = [&](const std::string& address) {
        print_listening(command, address);
    };
    events.log = [&](log_level level, const std::string& message) {
        out.on_log(level, message);
    };
    asio::co_spawn(
        io, serve(std::move(options), std::move(events)),
        asio::bind_cancellation_slot(stop.slot(), on_end));
    io.run();
    try {
        if (failed && !stop.received())
            std::rethrow_exception(failed);
    } catch (const error& e) {
        out.report(e);
        return exit_code_of(class_of(e.code()));
    }
    return 0; // being told to stop is how a server ends
}

} // namespace tarpon::cli
