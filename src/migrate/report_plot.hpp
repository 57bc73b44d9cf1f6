// The plots of the HTML report: samples of a run -> SVG with labels around it.
#pragma once

#include <tarpon/migrate.hpp>

#include <string>
#include <utility>
#include <vector>

namespace tarpon::migration {

struct curve {
    std::vector<std::pair<double, double>> points; ///< seconds and value, by time
    double seconds = 0;                            ///< where the axis ends
    double highest = 0;
};

/// Bytes a second, over at most `pieces_max` stretches of equal length. No points when the samples
/// say nothing: fewer than two, or all at one time.
curve throughput_of(const std::vector<migrate_sample>& samples, int pieces_max = 200);
/// Images that are done, at as many times.
curve images_of(const std::vector<migrate_sample>& samples, int pieces_max = 200);

/// The smallest of 1, 2, 5, 10, 20, 50 … (up to 500, then 1024 times that, or 1000 times with
/// `binary` false) that is not below `value`; at least 1.
double round_top(double value, bool binary);

/// A figure of HTML. `title` and `note` must be escaped; `unit` is "B/s" or "" for plain numbers.
std::string plot_figure(
    const curve& what, const std::string& title, const std::string& note, const std::string& unit);

} // namespace tarpon::migration
