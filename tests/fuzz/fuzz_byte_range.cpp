// Range, If-Range and If-None-Match: a part lies inside of the content, and is what was asked for.
#include "fuzz.hpp"
#include "server/byte_range.hpp"

#include <algorithm>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tarpon::fuzz;
    using tarpon::server::range_kind;
    std::uint64_t content = 0;
    const std::size_t head = std::min(size, sizeof content);
    if (head > 0)
        std::memcpy(&content, data, head);
    // The first line is the range, the second one what it depends on.
    const auto text = as_text(data + head, size - head);
    const std::size_t line = std::min(text.find('\n'), text.size());
    const auto range = text.substr(0, line);
    const auto condition = text.substr(std::min(line + 1, text.size()));
    constexpr const char* tag = "\"sha256:ab\"";
    const auto found = tarpon::server::choose_range(range, condition, tag, content);
    if (found.kind == range_kind::part) {
        check(found.bytes > 0 && found.bytes <= content, "a part has bytes");
        check(found.first <= content - found.bytes, "a part is inside");
    }
    if (found.kind == range_kind::whole)
        check(found.first == 0 && found.bytes == content, "the whole is all of it");
    const bool matches = tarpon::server::matches_any(condition, tag);
    const bool names_it = condition.find(tag) != condition.npos;
    check(!matches || names_it || condition.find('*') != condition.npos, "a match is in the text");
    return 0;
}
