// See entry_name.hpp.
#include "archive/entry_name.hpp"

#include <vector>

namespace tarpon::archive {

std::optional<std::string> normalize_entry_name(std::string_view name) {
    std::vector<std::string_view> parts;
    while (!name.empty()) {
        const std::size_t slash = name.find('/');
        const std::string_view part = name.substr(0, slash);
        name = slash == name.npos ? std::string_view() : name.substr(slash + 1);
        if (part.empty() || part == ".")
            continue;
        if (part != "..") {
            parts.push_back(part);
        } else {
            if (parts.empty())
                return std::nullopt;
            parts.pop_back();
        }
    }
    std::string out;
    for (const std::string_view part : parts) {
        if (!out.empty())
            out.push_back('/');
        out.append(part);
    }
    return out;
}

std::optional<std::string> resolve_symlink(std::string_view link_name, std::string_view target) {
    if (target.starts_with('/'))
        return normalize_entry_name(target);
    const std::size_t slash = link_name.rfind('/');
    std::string joined(
        slash == link_name.npos ? std::string_view() : link_name.substr(0, slash + 1));
    joined.append(target);
    return normalize_entry_name(joined);
}

} // namespace tarpon::archive
