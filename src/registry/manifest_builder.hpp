// Manifests made here: of an image from config and layers, of an index from some of its children.
#pragma once

#include "archive/oci_document.hpp"

#include <tarpon/descriptor.hpp>
#include <tarpon/options.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::registry {

struct built_manifest {
    descriptor self;
    std::string bytes;
};

/// How a layer is stored, for its media type in either format.
enum class layer_form { plain, gzip, zstd };
std::string_view layer_media_type(layer_form form, manifest_format format) noexcept;

/// Members in a fixed order, so equal inputs give equal bytes. `layers` bear their media types.
built_manifest build_manifest(
    manifest_format format, const descriptor& config, const std::vector<descriptor>& layers);

/// A new index with `map`'s descriptor in place of each child; without the child for nullopt. All
/// other members, of the children too, stay as they are.
built_manifest rewrite_index(
    const archive::manifest_document& index,
    const std::function<std::optional<descriptor>(const archive::oci_descriptor&)>& map);

} // namespace tarpon::registry
