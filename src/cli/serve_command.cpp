// tarpon serve: the embedded registry until a signal comes.
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/stop_signals.hpp"
#include "model/text.hpp"

#include <tarpon/serve.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdio>

namespace tarpon::cli {

namespace asio = boost::asio;

namespace {

void print_listening(const serve_command& command, const std::string& address) {
    std::string line =
        concat("tarpon: registry at http://", address, ", storage ", command.options.storage);
    if (command.output.json)
        line = boost::json::serialize(boost::json::object{
            {"schema", 1},
            {"event", "listening"},
            {"address", address},
            {"storage", command.options.storage}});
    std::puts(line.c_str());
    std::fflush(stdout);
}

} // namespace

int run(const serve_command& command) {
    console out(command.output);
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
        io, serve(command.options, std::move(events)),
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
