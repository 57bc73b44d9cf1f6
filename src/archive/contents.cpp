// Look-ups in contents; see contents.hpp.
#include "archive/contents.hpp"

#include "model/text.hpp"

#include <algorithm>

namespace tarpon::archive {

bool layered_image::has_plain_layer() const {
    return std::any_of(layers.begin(), layers.end(), [](const layer_content& layer) {
        return layer.entry && layer.stored == encoding::tar;
    });
}

std::string archive_image::label(std::size_t position) const {
    for (const reference& name : names)
        if (!name.path.empty())
            return name.str();
    if (!names.empty() && !names.front().tag.empty())
        return concat("image ", position + 1, " (tag ", names.front().tag, ")");
    return concat("image ", position + 1);
}

std::optional<entry_id> archive_contents::find_blob(const digest& content) const {
    const auto found = entries.find(concat("blobs/", content.algo_name(), '/', content.hex()));
    return found ? std::optional(*found) : std::nullopt;
}

result<entry_id>
find_unambiguous(std::string_view name, const entry_table& entries, metadata_source& source) {
    auto found = entries.find(name); // returned: not const, so that it is moved
    if (!found)
        return found;
    for (const entry_id other : entries.duplicates_of(*found)) {
        const auto same = source.same_content(entries.at(*found), entries.at(other));
        if (!same)
            return same.error();
        if (!*same)
            return failure{
                errc::archive_damaged,
                concat(
                    "two entries named \"", foreign_text(name, 200), "\" have different content")};
    }
    return found;
}

const manifest_node* archive_contents::find_manifest(const digest& content) const {
    const auto found = manifests.find(content);
    return found == manifests.end() ? nullptr : &found->second;
}

} // namespace tarpon::archive
