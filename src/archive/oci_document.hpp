// OCI and Docker manifests, indexes and image configs: JSON text -> checked structures.
//
// Strict about anything two readers could take differently (a body that is image and index at
// once, keys in another case, a mediaType that is not the descriptor's), lenient about the rest.
#pragma once

#include <tarpon/descriptor.hpp>
#include <tarpon/error.hpp>

#include <boost/json/object.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::archive {

struct platform {
    std::string os;
    std::string architecture;
    std::string variant;

    /// "linux/arm64/v8".
    std::string str() const;
    friend bool operator==(const platform&, const platform&) = default;
};

/// A descriptor as it stands in a manifest, with what the push needs of its extras.
struct oci_descriptor : descriptor {
    std::optional<archive::platform> platform;
    std::map<std::string, std::string> annotations;
    std::string artifact_type;
    std::optional<std::string> data; ///< inline content, decoded, of the stated size and digest
};

/// An image manifest or an index. Exactly one of (config + layers) and manifests is in use.
struct manifest_document {
    bool is_index = false;
    std::string media_type; ///< never empty
    oci_descriptor config;
    std::vector<oci_descriptor> layers;
    std::vector<oci_descriptor> manifests;
    std::optional<descriptor> subject;
    std::string artifact_type;
    boost::json::object json; ///< the document itself, for rewriting
};

/// `expected_type` is the media type of the descriptor that led here; "" for index.json.
/// Errors: errc::archive_metadata, errc::archive_limit.
/// Source: image-spec manifest.md, image-index.md; Docker image manifest version 2, schema 2.
result<manifest_document> parse_manifest(std::string_view text, std::string_view expected_type);

/// What a push needs of an image config.
struct image_config {
    std::vector<digest> diff_ids;
    archive::platform platform;
    std::string created;
};

/// Errors: errc::archive_metadata (no rootfs.diff_ids), errc::archive_limit.
result<image_config> parse_image_config(std::string_view text);

} // namespace tarpon::archive
