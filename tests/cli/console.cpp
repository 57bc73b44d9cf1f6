#include "cli/console.hpp"

#include "model/hasher.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_console)

using namespace tarpon;
using namespace tarpon::cli;
using test::read_file;
using test::temp_dir;

struct output {
    std::string out, err;
};

/// What `work` writes to both streams.
output captured(const std::function<void()>& work) {
    const temp_dir dir;
    std::fflush(nullptr);
    const int before[] = {::dup(STDOUT_FILENO), ::dup(STDERR_FILENO)};
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
        const auto path = dir.path() / std::to_string(fd);
        const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(file, fd);
        ::close(file);
    }
    work();
    std::fflush(nullptr);
    for (const int fd : {0, 1}) {
        ::dup2(before[fd], fd + 1);
        ::close(before[fd]);
    }
    return {read_file(dir.path() / "1"), read_file(dir.path() / "2")};
}

output captured_with(const output_options& options, const std::function<void(console&)>& work) {
    return captured([&] {
        console out(options);
        work(out);
    });
}

const digest name = digest_of("x");
const error
    failure(errc::registry_failed, "cannot push a.tar to r.example", "HTTP 503", "try later");

/// Everything a push can report.
void report_all(console& out) {
    out.start();
    out.on_blob({name, digest(), 1, blob_status::uploaded, 1, "r.example/a"});
    out.on_image({"r.example/a:1", name, "type", image_status::pushed});
    out.on_image({"r.example/a:2", name, "type", image_status::unchanged});
    out.on_failure({failure, "r.example/b:1", "a.tar"});
    out.on_log(log_level::warn, "odd");
    out.on_log(log_level::trace, "GET /v2/");
    out.on_progress({});
    out.summary({});
}

BOOST_AUTO_TEST_CASE(error_text_is_one_line_and_what_is_known_of_it) {
    BOOST_TEST(error_text(error(errc::usage, "what")) == "tarpon: error: what\n");
    BOOST_TEST(
        error_text(failure)
        == "tarpon: error: cannot push a.tar to r.example\n  cause: HTTP 503\n  hint: try later\n");
    BOOST_TEST(
        error_text(error(errc::usage, "what", {}, "do")) == "tarpon: error: what\n  hint: do\n");
}

// Scripts take standard output line by line.
BOOST_AUTO_TEST_CASE(standard_output_has_references_and_nothing_else) {
    for (const progress_style style :
         {progress_style::automatic, progress_style::bar, progress_style::plain,
          progress_style::none}) {
        output_options options;
        options.progress = style;
        options.log_level = log_level::trace;
        const output got = captured_with(options, report_all);
        BOOST_TEST(
            got.out == "r.example/a:1@" + name.str() + "\nr.example/a:2@" + name.str() + "\n");
    }
}

BOOST_AUTO_TEST_CASE(json_on_standard_output_is_one_event_a_line) {
    output_options options;
    options.json = true;
    const output got = captured_with(options, report_all);
    std::vector<std::string> kinds;
    std::size_t at = 0;
    while (at < got.out.size()) {
        const std::size_t end = got.out.find('\n', at);
        const std::string line = got.out.substr(at, end - at);
        const std::string before = R"({"schema":1,"event":")";
        BOOST_REQUIRE(line.starts_with(before));
        kinds.push_back(line.substr(before.size(), line.find('"', before.size()) - before.size()));
        at = end + 1;
    }
    const std::vector<std::string> expected{"start", "blob", "image", "image", "error", "summary"};
    BOOST_TEST(kinds == expected, boost::test_tools::per_element());
    BOOST_TEST(got.err.find(error_text(failure)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(messages_below_the_level_are_left_out) {
    output_options options;
    options.progress = progress_style::none;
    const output got = captured_with(options, report_all);
    BOOST_TEST(got.err == error_text(failure) + "tarpon: warning: odd\n");
    options.log_level = log_level::trace;
    BOOST_TEST(captured_with(options, report_all).err.ends_with("tarpon: trace: GET /v2/\n"));
    options.log_level = log_level::error;
    BOOST_TEST(captured_with(options, report_all).err == error_text(failure));
}

BOOST_AUTO_TEST_CASE(quiet_leaves_errors_and_warnings) {
    output_options options;
    options.quiet = true;
    const output got = captured_with(options, report_all);
    BOOST_TEST(got.err == error_text(failure) + "tarpon: warning: odd\n");
}

// Logs hold no escape sequences, and short pushes no progress.
BOOST_AUTO_TEST_CASE(files_and_pipes_get_plain_lines) {
    for (const progress_style style : {progress_style::automatic, progress_style::plain}) {
        output_options options;
        options.progress = style;
        const output got = captured_with(options, report_all);
        BOOST_TEST(got.err.find('\x1b') == std::string::npos);
        BOOST_TEST(got.err.find('\r') == std::string::npos);
        BOOST_TEST(got.err.find("tarpon: pushed ") == std::string::npos);
        BOOST_TEST(got.err.ends_with("tarpon: 0 references pushed; 0 blobs uploaded, 0 skipped; 0 "
                                     "B sent in 0.0 s (0 B/s)\n"));
    }
}

BOOST_AUTO_TEST_CASE(error_that_belongs_to_no_archive_is_an_event_too) {
    output_options options;
    options.json = true;
    const output got = captured_with(options, [](console& out) { out.report(failure); });
    BOOST_TEST(got.out.starts_with(R"({"schema":1,"event":"error","class":"registry",)"));
    BOOST_TEST(got.err == error_text(failure));
}

// Who set a variable never typed the option that it stands for.
BOOST_AUTO_TEST_CASE(variables_are_called_by_their_names) {
    const auto told = [](const std::string& message) {
        output_options options;
        options.from_environment = {"registry", "username"};
        const error what(errc::usage, message, {}, "--registry HOST");
        return captured_with(options, [&](console& out) { out.report(what); }).err;
    };
    BOOST_TEST(
        told("--registry: no host; from --username, not --registry-token, ---registry or --user")
        == "tarpon: error: TARPON_REGISTRY: no host; from TARPON_USERNAME, not --registry-token, "
           "---registry or --user\n  hint: --registry HOST\n");
    BOOST_TEST(told("--to") == "tarpon: error: --to\n  hint: --registry HOST\n");
}

// A reader that made the pipe non-blocking, and is slow, gets every byte all the same.
BOOST_AUTO_TEST_CASE(slow_reader_of_a_pipe_loses_nothing) {
    int ends[2];
    BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    std::string received;
    std::thread reader([&] {
        ::fcntl(ends[0], F_SETFL, 0);
        char piece[512];
        for (ssize_t got; (got = ::read(ends[0], piece, sizeof piece)) > 0;)
            received.append(piece, static_cast<std::size_t>(got));
    });
    const std::size_t lines = 5000;
    (void)captured([&] {
        ::dup2(ends[1], STDOUT_FILENO);
        ::close(ends[1]);
        console out{output_options{}};
        for (std::size_t i = 0; i < lines; ++i)
            out.on_image({"r.example/a:1", name, "type", image_status::pushed});
        ::close(STDOUT_FILENO);
    });
    reader.join();
    ::close(ends[0]);
    const std::string line = "r.example/a:1@" + name.str() + "\n";
    BOOST_TEST(received.size() == lines * line.size());
}

BOOST_AUTO_TEST_SUITE_END()
