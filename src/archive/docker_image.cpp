// See docker_image.hpp.
#include "archive/docker_image.hpp"

#include "model/hasher.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::archive {
namespace {

/// A config whose name holds hex digits must have that digest: every producer means it so.
result<void> check_config_name(std::string_view name, const digest& content) {
    const std::string_view hex = hex_in_name(name);
    if (!hex.empty() && hex != content.hex())
        return failure{
            errc::digest_mismatch, concat(
                                       "image config \"", foreign_text(name, 200),
                                       "\" has other content than its name says")};
    return {};
}

result<layer_content> read_layer(
    const std::string& name,
    const digest& diff_id,
    const docker_item& item,
    const entry_table& entries,
    metadata_source& source) {
    layer_content layer;
    layer.diff_id = diff_id;
    const auto entry = find_unambiguous(name, entries, source);
    const auto foreign = item.foreign_sources.find(diff_id);
    if (!entry && foreign != item.foreign_sources.end()) {
        layer.described = foreign->second;
        return layer;
    }
    if (!entry)
        return failure{entry.error().code, concat("layer ", entry.error().message)};
    const auto stored = source.sniff(entries.at(*entry));
    if (!stored)
        return stored.error();
    layer.entry = *entry;
    layer.stored = *stored;
    switch (layer.stored) {
    case encoding::tar:
    case encoding::gzip:
    case encoding::zstd:
    case encoding::xz:
    case encoding::bzip2:
        return layer;
    default:
        break;
    }
    if (entries.at(*entry).size == 0)
        return failure{
            errc::archive_damaged,
            concat("layer \"", foreign_text(name, 200), "\" is empty (0 bytes)")};
    return failure{
        errc::archive_damaged,
        concat(
            "layer \"", foreign_text(name, 200), "\" is neither a tar nor compressed (",
            to_string(layer.stored), ")")};
}

bool is_no_name(std::string_view tag) noexcept {
    return tag.empty() || tag.starts_with("<none>");
}

} // namespace

std::string_view hex_in_name(std::string_view name) noexcept {
    if (const std::size_t slash = name.rfind('/'); slash != name.npos)
        name.remove_prefix(slash + 1);
    if (name.starts_with("sha256:"))
        name.remove_prefix(7);
    name = name.substr(0, name.find('.'));
    return is_sha256_hex(name) ? name : std::string_view();
}

result<layered_image>
read_docker_image(const docker_item& item, const entry_table& entries, metadata_source& source) {
    const auto entry = find_unambiguous(item.config, entries, source);
    if (!entry)
        return failure{entry.error().code, concat("image config ", entry.error().message)};
    auto bytes = source.read(entries.at(*entry), limits::image_config_bytes_max);
    if (!bytes)
        return bytes.error();
    layered_image image;
    image.config_digest = digest_of(*bytes);
    image.config = std::move(*bytes);
    if (const auto named = check_config_name(item.config, image.config_digest); !named)
        return named.error();
    const auto config = parse_image_config(image.config);
    if (!config)
        return failure{
            config.error().code,
            concat(
                "image config \"", foreign_text(item.config, 200), "\": ", config.error().message)};
    image.platform = config->platform;
    if (config->diff_ids.size() != item.layers.size())
        return failure{
            errc::archive_metadata,
            concat(
                "manifest.json lists ", counted(item.layers.size(), "layer"), ", the image config ",
                counted(config->diff_ids.size(), "diff_id"))};
    for (std::size_t i = 0; i < item.layers.size(); ++i) {
        auto layer = read_layer(item.layers[i], config->diff_ids[i], item, entries, source);
        if (!layer)
            return layer.error();
        image.layers.push_back(std::move(*layer));
    }
    return image;
}

result<std::vector<reference>> names_of(const docker_item& item) {
    std::vector<reference> names;
    for (const std::string& tag : item.repo_tags) {
        if (is_no_name(tag))
            continue;
        auto name = reference::parse(tag);
        if (!name)
            return failure{errc::archive_metadata, concat("RepoTags: ", name.error().message)};
        names.push_back(std::move(*name));
    }
    return names;
}

} // namespace tarpon::archive
