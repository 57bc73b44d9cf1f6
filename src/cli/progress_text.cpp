// See progress_text.hpp.
#include "cli/progress_text.hpp"

#include "model/text.hpp"

#include <algorithm>

namespace tarpon::cli {
namespace {

constexpr std::chrono::seconds speed_window{10};
constexpr std::chrono::seconds estimate_window{120};
constexpr std::chrono::seconds stall_shown_after{10};
constexpr std::size_t narrow_columns = 60;

/// 100 means finished, so what is only read counts for 99 at most.
std::string percent(std::uint64_t part, std::uint64_t whole, bool finished) {
    if (whole == 0)
        return {};
    const double share = static_cast<double>(part) / static_cast<double>(whole);
    return concat(finished ? 100 : std::clamp(static_cast<int>(share * 100), 0, 99), "%");
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width)
        text.append(width - text.size(), ' ');
    return text;
}

/// The character that starts at `text[at]`; `text` is valid UTF-8.
char32_t code_point(std::string_view text, std::size_t at) noexcept {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0xc0)
        return lead;
    char32_t value = lead & (lead < 0xe0 ? 0x1fu : lead < 0xf0 ? 0x0fu : 0x07u);
    for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; ++at)
        value = (value << 6) | (static_cast<unsigned char>(text[at]) & 0x3fu);
    return value;
}

/// Chinese, Japanese, Korean and most emoji take two cells of a terminal.
bool is_wide(char32_t c) noexcept {
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf)
           || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff)
           || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60)
           || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff)
           || (c >= 0x20000 && c <= 0x3fffd);
}

/// Cuts between characters, never inside one, to what fits into `columns` cells.
std::string cut(std::string text, std::size_t columns) {
    std::size_t used = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
            continue;
        used += is_wide(code_point(text, at)) ? 2 : 1;
        if (used > columns)
            return text.substr(0, at);
    }
    return text;
}

std::string active_row(const active_blob& blob) {
    std::string row = concat(
        "  ", padded(std::string(blob.state), 11), " ", padded(foreign_text(blob.label, 40), 14));
    if (blob.total > 0)
        row += concat(
            "  ", human_bytes(blob.done), " of ", human_bytes(blob.total), "  ",
            percent(blob.done, blob.total, false));
    return row;
}

} // namespace

void rate_meter::sample(time_point now, std::uint64_t bytes) {
    if (points_.empty() || points_.back().bytes != bytes)
        moved_ = now;
    // One point a second is enough for either window.
    if (!points_.empty() && now - points_.back().time < std::chrono::milliseconds(900))
        return;
    points_.push_back({now, bytes});
    while (points_.size() > 2 && now - points_[1].time > estimate_window)
        points_.pop_front();
}

double rate_meter::speed_over(time_point now, std::chrono::seconds window) const {
    if (points_.size() < 2)
        return 0;
    const auto first = std::find_if(
        points_.begin(), points_.end(), [&](const point& p) { return now - p.time <= window; });
    if (first == points_.end() || first == std::prev(points_.end()))
        return 0;
    if (points_.back().bytes <= first->bytes)
        return 0; // nothing moved, or a retry took something back
    const double seconds = std::chrono::duration<double>(points_.back().time - first->time).count();
    return seconds <= 0 ? 0 : static_cast<double>(points_.back().bytes - first->bytes) / seconds;
}

double rate_meter::speed(time_point now) const {
    return speed_over(now, speed_window);
}

double rate_meter::long_speed(time_point now) const {
    return speed_over(now, estimate_window);
}

std::chrono::seconds rate_meter::stalled(time_point now) const {
    return points_.empty() ? std::chrono::seconds(0)
                           : std::chrono::duration_cast<std::chrono::seconds>(now - moved_);
}

std::string
total_line(const progress_snapshot& now, const rate_meter& rate, rate_meter::time_point at) {
    const bool images = now.images_total > 0;
    const std::uint64_t done = images ? now.images_done : now.archives_done;
    const std::uint64_t all = images ? now.images_total : now.archives_total;
    const char* const noun = images ? "image" : "archive";
    std::string line = concat("pushed ", done, "/", all, " ", noun, all == 1 ? "  " : "s  ");
    line += human_bytes(now.bytes_done);
    if (now.bytes_total > 0)
        line += concat(" of ", human_bytes(now.bytes_total), now.total_known ? "" : "+");
    if (now.total_known)
        line += concat(
            "  ",
            percent(now.bytes_done, now.bytes_total, now.archives_done == now.archives_total));
    const double speed = rate.speed(at);
    const bool stalled = rate.stalled(at) > stall_shown_after;
    if (stalled)
        line += concat("  stalled ", human_duration(rate.stalled(at)));
    else if (speed >= 1)
        line += concat("  ", human_bytes(static_cast<std::uint64_t>(speed)), "/s");
    const double estimate = rate.long_speed(at);
    if (!stalled && now.total_known && estimate >= 1024 && now.bytes_done < now.bytes_total)
        line += concat(
            "  ETA ", human_duration(std::chrono::seconds(static_cast<long>(
                          static_cast<double>(now.bytes_total - now.bytes_done) / estimate))));
    line += concat("  sent ", human_bytes(now.bytes_sent));
    if (now.bytes_skipped > 0)
        line += concat("  skipped ", human_bytes(now.bytes_skipped));
    if (now.errors > 0)
        line += concat("  errors ", now.errors);
    return line;
}

std::string plan_line(const migrate_plan& plan) {
    std::string line = concat(
        counted(plan.images, "image"), " of ", counted(plan.archives, "archive"), ": ",
        human_bytes(plan.blob_bytes), " in ", counted(plan.blobs, "blob"));
    if (plan.shared_bytes > 0)
        line += concat(", ", human_bytes(plan.shared_bytes), " more are shared");
    if (plan.images_done > 0)
        line += concat("; ", counted(plan.images_done, "image"), " done by an earlier run");
    return line;
}

std::string plan_table(const migrate_plan& plan) {
    std::string text;
    const auto row = [&text](std::string_view what, const std::string& value) {
        text += concat(text.empty() ? "" : "\n", padded(std::string(what), 27), " ", value);
    };
    row("archives", concat(plan.archives));
    row("images", concat(plan.images));
    row("done by an earlier run", concat(plan.images_done));
    row("different blobs", concat(plan.blobs));
    row("unique bytes", human_bytes(plan.blob_bytes));
    row("shared between archives", human_bytes(plan.shared_bytes));
    row("the registry has", human_bytes(plan.bytes_present));
    row("to send, before compression", human_bytes(plan.bytes_to_send));
    return text;
}

std::vector<std::string> live_rows(
    const progress_snapshot& now,
    const rate_meter& rate,
    rate_meter::time_point at,
    std::size_t columns,
    std::size_t rows) {
    std::vector<std::string> out{cut(total_line(now, rate, at), columns)};
    if (columns < narrow_columns || rows < 2)
        return out;
    const std::size_t room = rows - 1;
    const bool all_fit = now.active.size() <= room;
    const std::size_t shown = all_fit ? now.active.size() : room - 1;
    for (std::size_t i = 0; i < shown; ++i)
        out.push_back(cut(active_row(now.active[i]), columns));
    if (!all_fit)
        out.push_back(cut(concat("  … and ", now.active.size() - shown, " more"), columns));
    return out;
}

} // namespace tarpon::cli
