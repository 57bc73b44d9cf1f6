// See console.hpp. One write() a frame; the size of the terminal is read for every frame.
#include "cli/console.hpp"

#include "cli/options.hpp"
#include "engine/event_json.hpp"
#include "model/text.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace tarpon::cli {
namespace {

using clock = std::chrono::steady_clock;
using engine::start_json;
using engine::to_json;

constexpr std::chrono::milliseconds first_frame_after{500};
constexpr std::chrono::seconds first_line_after{2};
constexpr std::chrono::seconds line_every{5};
constexpr std::size_t rows_max = 10;

/// 0, or the number of the error.
int write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN) { // somebody made our terminal or pipe non-blocking
            struct pollfd ready {
                fd, POLLOUT, 0
            };
            (void)::poll(&ready, 1, -1);
            continue;
        }
        if (put <= 0)
            return put < 0 ? errno : EIO;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return 0;
}

/// Nothing can be told about an error here: there is no other place.
void write_message(std::string_view text) {
    (void)write_all(STDERR_FILENO, text);
}

std::string line_of(const image_event& image) {
    return concat(image.reference, "@", image.digest.str());
}

bool terminal_can_draw() {
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) && term && *term && std::string_view(term) != "dumb"
           && !std::getenv("CI");
}

struct terminal_size {
    std::size_t columns = 80, rows = 24;
};

terminal_size size_of_terminal() {
    struct winsize size {};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return {};
    return {size.ws_col, size.ws_row};
}

const char* name_of(log_level level) {
    switch (level) {
    case log_level::error:
        return "error";
    case log_level::warn:
        return "warning";
    case log_level::info:
        return "info";
    case log_level::debug:
        return "debug";
    case log_level::trace:
        return "trace";
    }
    return "info";
}

/// "shard 2 of 4: "; nothing where there is only one.
std::string shard_name(const shard& which) {
    return which.count > 1 ? concat("shard ", which.index, " of ", which.count, ": ")
                           : std::string();
}

} // namespace

std::string error_text(const error& what) {
    std::string text = concat("tarpon: error: ", what.message(), "\n");
    if (!what.cause().empty())
        text += concat("  cause: ", what.cause(), "\n");
    if (!what.hint().empty())
        text += concat("  hint: ", what.hint(), "\n");
    return text;
}

console::console(const output_options& options)
    : options_(options)
    , next_plain_line_(begun_ + first_line_after) {
    if (options.quiet || options.progress == progress_style::none)
        return;
    const bool live = options.progress == progress_style::bar
                      || (options.progress == progress_style::automatic && terminal_can_draw()
                          && options.log_level < log_level::debug);
    display_ = live ? display::live : display::plain;
}

console::~console() {
    erase();
}

void console::erase() {
    if (rows_drawn_ == 0)
        return;
    std::string text = "\r";
    if (rows_drawn_ > 1)
        text += concat("\x1b[", rows_drawn_ - 1, "A");
    write_message(text + "\x1b[J\x1b[?25h");
    rows_drawn_ = 0;
}

void console::print(std::string_view results) {
    if (results_lost_)
        return;
    erase();
    const int number = write_all(STDOUT_FILENO, results);
    if (number == 0)
        return;
    results_lost_ = true;
    print_message(error_text(error(
        errc::storage, "cannot write the results to standard output", std::strerror(number))));
}

int console::exit_code(int code) const noexcept {
    return code == 0 && results_lost_ ? exit_code_of(class_of(errc::storage)) : code;
}

void console::print_result(const std::string& line) {
    print(line + "\n");
}

void console::print_message(std::string_view text) {
    erase();
    write_message(text);
}

void console::start() {
    if (options_.json)
        print_result(start_json());
}

void console::summary(const push_summary& numbers) {
    if (options_.json) {
        print_result(to_json(numbers));
        return;
    }
    if (display_ == display::none)
        return;
    const double speed =
        numbers.seconds > 0 ? static_cast<double>(numbers.bytes_sent) / numbers.seconds : 0;
    std::string text = concat(
        "tarpon: ", counted(numbers.images, "reference"), " pushed",
        skipped_ ? concat(", ", skipped_, " done by an earlier run") : "",
        numbers.failed ? concat(", ", numbers.failed, " failed") : "", "; ",
        counted(numbers.blobs_uploaded, "blob"), " uploaded, ", numbers.blobs_skipped, " skipped; ",
        human_bytes(numbers.bytes_sent), " sent");
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f", numbers.seconds);
    text +=
        concat(" in ", seconds, " s (", human_bytes(static_cast<std::uint64_t>(speed)), "/s)\n");
    print_message(text);
}

int console::give_up(const error& why) {
    report(why);
    push_summary nothing;
    nothing.failed = 1;
    summary(nothing);
    return exit_code_of(class_of(why.code()));
}

void console::report(const error& what) {
    on_failure({what, {}, {}});
}

void console::warning(const std::string& message) {
    on_log(log_level::warn, message);
}

void console::on_blob(const blob_event& event) {
    if (options_.json)
        print_result(to_json(event));
}

void console::on_image(const image_event& event) {
    print_result(options_.json ? to_json(event) : line_of(event));
    if (results_lost_) // it is pushed all the same
        print_message(concat("tarpon: pushed: ", line_of(event), "\n"));
}

void console::on_plan(const plan_event& event) {
    if (options_.json)
        return print_result(to_json(event));
    if (options_.plan_table)
        return;
    print_result(concat(
        event.reference, ": ", event.blobs_to_send, " of ", counted(event.blobs, "blob"),
        " would be sent, from ", human_bytes(event.bytes_to_read), " of the archive"));
}

void console::on_migrate_plan(const migrate_plan& plan) {
    if (options_.json)
        return print_result(to_json(plan));
    if (options_.plan_table)
        return print_result(plan_table(plan));
    if (display_ != display::none)
        print_message(concat("tarpon: ", shard_name(options_.shard), plan_line(plan), "\n"));
}

void console::on_migrated(const migrated_image& image) {
    if (image.result != migrated_image::outcome::skipped)
        return;
    ++skipped_;
    if (options_.json)
        print_result(engine::skipped_json(image));
    else if (options_.log_level >= log_level::info)
        on_log(log_level::info, concat("done by an earlier run: ", image.reference));
}

void console::on_failure(const failure_event& event) {
    failure_event told = event;
    told.what = as_it_was_set(event.what, options_.from_environment);
    if (options_.json)
        print_result(to_json(told));
    print_message(error_text(told.what));
}

void console::on_retry(const retry_event& event) {
    if (options_.json)
        print_result(to_json(event));
    if (options_.log_level < log_level::warn)
        return;
    const double seconds = std::chrono::duration<double>(event.delay).count();
    std::array<char, 32> delay{};
    std::snprintf(delay.data(), delay.size(), "%.1f s", seconds);
    print_message(concat(
        "tarpon: retry ", event.attempt, " of ", event.attempts_max, " in ", delay.data(), ": ",
        event.what, ": ", event.reason, "\n"));
}

void console::on_log(log_level level, const std::string& message) {
    if (level <= options_.log_level)
        print_message(concat("tarpon: ", name_of(level), ": ", message, "\n"));
}

void console::draw(const progress_snapshot& now) {
    const terminal_size size = size_of_terminal();
    const auto rows = live_rows(
        now, rate_, clock::now(), size.columns > 1 ? size.columns - 1 : 1,
        std::min(size.rows / 2, rows_max));
    std::string frame = "\x1b[?25l\r";
    if (rows_drawn_ > 1)
        frame += concat("\x1b[", rows_drawn_ - 1, "A");
    for (std::size_t i = 0; i < rows.size(); ++i)
        frame += concat(i == 0 ? "" : "\n", rows[i], "\x1b[K");
    write_message(frame + "\x1b[J");
    rows_drawn_ = rows.size();
}

void console::on_progress(const progress_snapshot& now) {
    const auto time = clock::now();
    rate_.sample(time, now.bytes_done);
    if (display_ == display::live && time - begun_ >= first_frame_after
        && ::tcgetpgrp(STDERR_FILENO) == ::getpgrp())
        draw(now);
    if (display_ == display::plain && time >= next_plain_line_) {
        next_plain_line_ = time + line_every;
        print_message(concat("tarpon: ", total_line(now, rate_, time), "\n"));
    }
}

} // namespace tarpon::cli
