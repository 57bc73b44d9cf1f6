// What the program writes: results on standard output, all else on standard error.
//
// The observer of a push in the program: a live display on a terminal, plain lines in a pipe, JSON
// lines when asked for.
#pragma once

#include "cli/args.hpp"
#include "cli/progress_text.hpp"

#include <tarpon/migrate.hpp>
#include <tarpon/progress.hpp>
#include <tarpon/push.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tarpon::cli {

/// "tarpon: error: …", with "  cause:" and "  hint:" lines where there are any.
std::string error_text(const error& what);

class console final : public migrate_observer {
public:
    explicit console(const output_options& options);
    /// Takes the live display away.
    ~console() override;
    console(const console&) = delete;
    console& operator=(const console&) = delete;

    void start();
    void summary(const push_summary& numbers);
    /// Prints an error that belongs to no archive (usage, a CA file), as event too.
    void report(const error& what);
    /// The same where it ends a run in which nothing was done, and that run's summary. Returns the
    /// exit code.
    int give_up(const error& why);
    void warning(const std::string& message);
    /// Lines for standard output, each with its line feed. Once that fails it is told as an error,
    /// and nothing more is written there.
    void print(std::string_view results);
    /// What a run ends with whose own exit code is `code`: another one where all went well, and the
    /// results of it did not get out.
    int exit_code(int code) const noexcept;

    void on_blob(const blob_event& event) override;
    void on_image(const image_event& event) override;
    void on_plan(const plan_event& event) override;
    void on_migrate_plan(const migrate_plan& plan) override;
    void on_migrated(const migrated_image& image) override;
    void on_failure(const failure_event& event) override;
    void on_retry(const retry_event& event) override;
    void on_progress(const progress_snapshot& now) override;
    void on_log(log_level level, const std::string& message) override;

private:
    enum class display { none, plain, live };

    void print_result(const std::string& line);
    void print_message(std::string_view text);
    void draw(const progress_snapshot& now);
    void erase();

    output_options options_;
    display display_ = display::none;
    rate_meter rate_;
    bool results_lost_ = false; ///< standard output cannot be written
    std::uint64_t skipped_ = 0; ///< images that an earlier run did
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point next_plain_line_;
    std::size_t rows_drawn_ = 0;
};

} // namespace tarpon::cli
