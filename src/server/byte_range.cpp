// See byte_range.hpp.
#include "server/byte_range.hpp"

#include "model/text.hpp"

#include <algorithm>

namespace tarpon::server {

byte_range choose_range(
    std::string_view range,
    std::string_view if_range,
    std::string_view entity_tag,
    std::uint64_t size) noexcept {
    const byte_range whole{range_kind::whole, 0, size};
    const byte_range unsatisfiable{range_kind::unsatisfiable, 0, 0};
    constexpr std::string_view unit = "bytes=";
    // Somebody who has a part of something else must not get ours as the rest.
    if (!if_range.empty() && trim(if_range) != entity_tag)
        return whole;
    if (range.size() < unit.size() || !iequals(range.substr(0, unit.size()), unit))
        return whole;
    const std::string_view spec = trim(range.substr(unit.size()));
    const std::size_t dash = spec.find('-');
    if (dash == spec.npos)
        return whole;
    const auto first = parse_decimal(spec.substr(0, dash));
    const auto last = parse_decimal(spec.substr(dash + 1));
    const bool open = dash + 1 == spec.size();
    if (dash == 0) {
        if (!last)
            return whole;
        const std::uint64_t bytes = std::min(*last, size);
        return bytes == 0 ? unsatisfiable : byte_range{range_kind::part, size - bytes, bytes};
    }
    if (!first || (!last && !open))
        return whole;
    if (*first >= size || (last && *last < *first))
        return unsatisfiable;
    const std::uint64_t end = open ? size - 1 : std::min(*last, size - 1);
    return {range_kind::part, *first, end - *first + 1};
}

bool matches_any(std::string_view if_none_match, std::string_view entity_tag) noexcept {
    while (!if_none_match.empty()) {
        const std::size_t comma = std::min(if_none_match.find(','), if_none_match.size());
        std::string_view one = trim(if_none_match.substr(0, comma));
        if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
        if (one.starts_with("W/"))
            one.remove_prefix(2);
        if (one == "*" || one == entity_tag)
            return true;
    }
    return false;
}

} // namespace tarpon::server
