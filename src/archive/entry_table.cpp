// See entry_table.hpp.
#include "archive/entry_table.hpp"

#include "archive/entry_name.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::archive {
namespace {

failure missing(std::string_view name, std::string_view why) {
    return {errc::archive_blob_missing, concat("entry \"", foreign_text(name, 200), "\" ", why)};
}

bool is_link(const tar_entry& entry) noexcept {
    return entry.kind == entry_kind::hard_link || entry.kind == entry_kind::symlink;
}

} // namespace

std::optional<entry_id> entry_table::add(tar_entry entry) {
    if (entry.kind == entry_kind::directory || entry.kind == entry_kind::special)
        return std::nullopt;
    auto name = normalize_entry_name(entry.name);
    if (!name || name->empty())
        return std::nullopt;
    entry.name = std::move(*name);
    const auto id = static_cast<entry_id>(entries_.size());
    if (!by_name_.emplace(entry.name, id).second)
        repeated_.emplace(entry.name, id);
    entries_.push_back(std::move(entry));
    return id;
}

result<entry_id> entry_table::find_exact(std::string_view name) const {
    auto wanted = normalize_entry_name(name);
    for (int links = 0; links <= limits::link_chain_max; ++links) {
        if (!wanted)
            return missing(name, "points outside the archive");
        const auto found = by_name_.find(*wanted);
        if (found == by_name_.end())
            return missing(
                name,
                links == 0 ? "is not in the archive" : "is a link to an entry that is not there");
        const tar_entry& entry = at(found->second);
        if (entry.kind == entry_kind::sparse)
            return failure{
                errc::archive_unsupported,
                concat("entry \"", foreign_text(name, 200), "\" is stored sparse")};
        if (!is_link(entry))
            return found->second;
        wanted = entry.kind == entry_kind::symlink ? resolve_symlink(entry.name, entry.link)
                                                   : normalize_entry_name(entry.link);
    }
    return missing(
        name, concat("is a chain of more than ", limits::link_chain_max, " links, or a loop"));
}

result<entry_id> entry_table::find(std::string_view name) const {
    auto found = find_exact(name);
    if (found || name.find('\\') == name.npos)
        return found;
    std::string slashed(name);
    std::replace(slashed.begin(), slashed.end(), '\\', '/');
    auto retried = find_exact(slashed);
    return retried ? retried : found;
}

std::vector<entry_id> entry_table::duplicates_of(entry_id id) const {
    std::vector<entry_id> others;
    const auto [first, last] = repeated_.equal_range(at(id).name);
    for (auto it = first; it != last; ++it)
        if (it->second != id && at(it->second).kind == entry_kind::file)
            others.push_back(it->second);
    return others;
}

} // namespace tarpon::archive
