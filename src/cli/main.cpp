// The program: parse, run, exit code. Nothing else prints usage errors or maps codes.
#include "cli/args.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/standard_streams.hpp"
#include "model/text.hpp"

#include <csignal>
#include <exception>

namespace tarpon::cli {

int run(const print_command& command) {
    console out({});
    out.print(command.text);
    return out.exit_code(0);
}

namespace {

int fail(int argc, const char* const* argv, const error& what) {
    output_options options;
    options.json = wants_json(argc, argv);
    options.progress = progress_style::none;
    console out(options);
    out.report(what);
    if (options.json && is_push(argc, argv)) {
        push_summary nothing;
        nothing.failed = 1;
        out.summary(nothing);
    }
    return exit_code_of(class_of(what.code()));
}

int run_main(int argc, const char* const* argv) {
    try {
        const any_command parsed = parse(argc, argv);
        return std::visit([](const auto& one) { return run(one); }, parsed);
    } catch (const error& e) {
        return fail(argc, argv, e);
    } catch (const std::exception& e) {
        return fail(
            argc, argv, error(errc::internal, "this is a bug in tarpon", foreign_text(e.what())));
    }
}

} // namespace
} // namespace tarpon::cli

int main(int argc, char** argv) {
    tarpon::cli::hold_closed_streams();
    // A closed pipe is an error of write(), not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    return tarpon::cli::run_main(argc, argv);
}
