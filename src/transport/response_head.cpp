// See response_head.hpp.
#include "transport/response_head.hpp"

#include <algorithm>

namespace tarpon::transport {

std::size_t head_length(std::string_view text) {
    for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
        if (text.substr(at + 1, 1) == "\n")
            return at + 2;
        if (text.substr(at + 1, 2) == "\r\n")
            return at + 3;
    }
    return 0;
}

bool may_be_response(std::string_view text) {
    constexpr std::string_view start = "HTTP/";
    return text.substr(0, start.size()) == start.substr(0, std::min(start.size(), text.size()));
}

std::optional<std::string> with_proper_lines(std::string_view head) {
    std::optional<std::string> proper;
    std::size_t taken = 0;
    for (std::size_t at = head.find('\n'); at != head.npos; at = head.find('\n', at + 1)) {
        if (at > 0 && head[at - 1] == '\r')
            continue;
        if (!proper)
            proper.emplace();
        *proper += head.substr(taken, at - taken);
        *proper += "\r\n";
        taken = at + 1;
    }
    if (proper)
        *proper += head.substr(taken);
    return proper;
}

} // namespace tarpon::transport
