// See report_plot.hpp.
#include "migrate/report_plot.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace tarpon::migration {
namespace {

constexpr double width = 1000; // of the drawing; it is stretched to its place
constexpr double height = 200;

/// In order of time, one for each time, from the beginning of the run.
std::vector<migrate_sample> cleaned(const std::vector<migrate_sample>& samples) {
    std::vector<migrate_sample> kept;
    for (const migrate_sample& sample : samples)
        if (std::isfinite(sample.seconds) && sample.seconds >= 0
            && (kept.empty() || sample.seconds > kept.back().seconds))
            kept.push_back(sample);
    if (!kept.empty() && kept.front().seconds > 0)
        kept.insert(kept.begin(), migrate_sample());
    return kept;
}

template <class Member>
double value_at(const std::vector<migrate_sample>& samples, double time, Member member) {
    const auto after = std::lower_bound(
        samples.begin(), samples.end(), time,
        [](const migrate_sample& sample, double at) { return sample.seconds < at; });
    if (after == samples.begin())
        return static_cast<double>((*after).*member);
    if (after == samples.end())
        return static_cast<double>(samples.back().*member);
    const auto before = std::prev(after);
    const double part = (time - before->seconds) / (after->seconds - before->seconds);
    const auto from = static_cast<double>((*before).*member);
    return from + part * (static_cast<double>((*after).*member) - from);
}

int pieces_of(const std::vector<migrate_sample>& samples, int pieces_max) {
    return samples.size() < 2 ? 0 : std::min(pieces_max, static_cast<int>(samples.size() - 1));
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return text;
}

std::string label_of(double value, const std::string& unit) {
    if (unit.empty())
        return thousands(static_cast<std::uint64_t>(value));
    std::string bytes = human_bytes(static_cast<std::uint64_t>(value));
    if (const std::size_t point = bytes.find(".0 "); point != bytes.npos)
        bytes.erase(point, 2);
    return bytes + "/s";
}

std::string time_label(double seconds) {
    return seconds < 10 ? number(seconds) + "s"
                        : human_duration(std::chrono::seconds(std::llround(seconds)));
}

} // namespace

curve throughput_of(const std::vector<migrate_sample>& given, int pieces_max) {
    const auto samples = cleaned(given);
    const int pieces = pieces_of(samples, pieces_max);
    curve found;
    if (pieces == 0)
        return found;
    found.seconds = samples.back().seconds;
    const double start = samples.front().seconds;
    const double length = (found.seconds - start) / pieces;
    double before = value_at(samples, start, &migrate_sample::bytes_sent);
    for (int piece = 0; piece < pieces; ++piece) {
        const double end = start + length * (piece + 1);
        const double bytes = value_at(samples, end, &migrate_sample::bytes_sent);
        const double rate = std::max(0.0, (bytes - before) / length);
        found.points.emplace_back(end - length / 2, rate);
        found.highest = std::max(found.highest, rate);
        before = bytes;
    }
    return found;
}

curve images_of(const std::vector<migrate_sample>& given, int pieces_max) {
    const auto samples = cleaned(given);
    const int pieces = pieces_of(samples, pieces_max);
    curve found;
    if (pieces == 0)
        return found;
    found.seconds = samples.back().seconds;
    const double start = samples.front().seconds;
    for (int piece = 0; piece <= pieces; ++piece) {
        const double time = start + (found.seconds - start) * piece / pieces;
        found.points.emplace_back(time, value_at(samples, time, &migrate_sample::images_done));
        found.highest = std::max(found.highest, found.points.back().second);
    }
    return found;
}

double round_top(double value, bool binary) {
    double unit = 1;
    for (;; unit *= binary ? 1024 : 1000)
        for (const double step : {1, 2, 5, 10, 20, 50, 100, 200, 500})
            if (value <= step * unit || unit > 1e18)
                return step * unit;
}

std::string plot_figure(
    const curve& what, const std::string& title, const std::string& note, const std::string& unit) {
    const double top = round_top(what.highest, !unit.empty());
    std::string line;
    for (const auto& [time, value] : what.points)
        line += concat(
            line.empty() ? "M" : "L", number(time / what.seconds * width), ",",
            number(height - value / top * height));
    const std::string area =
        what.points.empty()
            ? std::string()
            : concat(
                line, "L", number(what.points.back().first / what.seconds * width), ",",
                number(height), "L", number(what.points.front().first / what.seconds * width), ",",
                number(height), "Z");
    const bool has_middle = !unit.empty() || top >= 2;
    return concat(
        "<figure class=\"panel\"><figcaption>", title, "<span>", note,
        "</span></figcaption><div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>",
        label_of(top, unit), "</span><span>", has_middle ? label_of(top / 2, unit) : std::string(),
        "</span><span>0</span></div>"
        "<svg viewBox=\"0 0 1000 200\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"",
        title, ", ", note,
        "\"><path class=\"grid\" d=\"M0,0H1000M0,100H1000M0,200H1000\"/><path class=\"area\" d=\"",
        area, "\"/><path class=\"curve\" d=\"", line,
        "\"/></svg><div class=\"x\" aria-hidden=\"true\"><span>0</span><span>",
        time_label(what.seconds / 2), "</span><span>", time_label(what.seconds),
        "</span></div></div></figure>");
}

} // namespace tarpon::migration
