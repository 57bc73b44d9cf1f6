// Progress as text: what the live display and the plain lines say. Pure, given the time.
#pragma once

#include <tarpon/migrate.hpp>
#include <tarpon/progress.hpp>

#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace tarpon::cli {

/// Speed over the last seconds, and the time left by a longer window (a short one flickers).
class rate_meter {
public:
    using time_point = std::chrono::steady_clock::time_point;

    void sample(time_point now, std::uint64_t bytes);
    /// Bytes a second over the last 10 s; 0 when nothing is known.
    double speed(time_point now) const;
    /// Bytes a second over the last 2 min.
    double long_speed(time_point now) const;
    /// How long nothing has moved.
    std::chrono::seconds stalled(time_point now) const;

private:
    double speed_over(time_point now, std::chrono::seconds window) const;

    struct point {
        time_point time;
        std::uint64_t bytes;
    };
    std::deque<point> points_;
    time_point moved_{};
};

/// The line that is always there: archives, bytes, percent, speed, time left, what was skipped.
std::string
total_line(const progress_snapshot& now, const rate_meter& rate, rate_meter::time_point at);

/// What a migration is about, in one line: images, bytes, what is done and what is shared.
std::string plan_line(const migrate_plan& plan);

/// What it would send: one row for each number, without a line feed at the end.
std::string plan_table(const migrate_plan& plan);

/// The total line and, where there is room, one row for each blob under way. No row is wider than
/// `columns`, and there are at most `rows` of them.
std::vector<std::string> live_rows(
    const progress_snapshot& now,
    const rate_meter& rate,
    rate_meter::time_point at,
    std::size_t columns,
    std::size_t rows);

} // namespace tarpon::cli
