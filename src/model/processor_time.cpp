// See processor_time.hpp. /proc is memory: reading it waits for no disk.
#include "model/processor_time.hpp"

#include <charconv>
#include <fstream>
#include <string>

namespace tarpon {

namespace {

// user nice system idle iowait irq softirq steal; guests, which follow, are in user already
constexpr int idle_field = 3;
constexpr int iowait_field = 4;
constexpr int fields_max = 8;

} // namespace

double processor_time::idle_since(const processor_time& before) const noexcept {
    if (all <= before.all || idle < before.idle)
        return 1;
    return static_cast<double>(idle - before.idle) / static_cast<double>(all - before.all);
}

std::optional<processor_time> parse_processor_time(std::string_view line) noexcept {
    if (!line.starts_with("cpu "))
        return std::nullopt;
    line.remove_prefix(4);
    processor_time found;
    for (int field = 0; field < fields_max; ++field) {
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        std::uint64_t ticks = 0;
        const auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), ticks);
        if (failed != std::errc())
            return field > iowait_field ? std::optional(found) : std::nullopt;
        line.remove_prefix(static_cast<std::size_t>(end - line.data()));
        found.all += ticks;
        if (field == idle_field || field == iowait_field)
            found.idle += ticks;
    }
    return found;
}

std::optional<processor_time> read_processor_time() {
    std::ifstream file("/proc/stat");
    std::string line;
    if (!std::getline(file, line))
        return std::nullopt;
    return parse_processor_time(line);
}

} // namespace tarpon
