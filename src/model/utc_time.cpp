// See utc_time.hpp.
#include "model/utc_time.hpp"

#include "model/text.hpp"

#include <array>
#include <ctime>

namespace tarpon {

std::string utc_time(std::chrono::system_clock::time_point at, time_precision precision) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch());
    const auto whole = std::chrono::floor<std::chrono::seconds>(since);
    const auto seconds = static_cast<std::time_t>(whole.count());
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string_view shown(text.data(), size);
    if (precision == time_precision::seconds)
        return concat(shown, "Z");
    const std::string fraction = std::to_string(1000 + (since - whole).count()).substr(1);
    return concat(shown, ".", fraction, "Z");
}

} // namespace tarpon
