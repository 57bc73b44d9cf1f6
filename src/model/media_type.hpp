// The media types of images, and the questions a push asks about them.
#pragma once

#include <string>
#include <string_view>

namespace tarpon::media_type {

inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";

inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_index =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An index or manifest list: its children are manifests.
bool is_index(std::string_view type) noexcept;
/// An image manifest, OCI or Docker schema 2.
bool is_manifest(std::string_view type) noexcept;
/// Docker schema 1, which tarpon does not handle.
bool is_schema1(std::string_view type) noexcept;
/// The config of a runnable image: it has diff_ids, and the layers are tars.
bool is_image_config(std::string_view type) noexcept;
/// A layer that its owner does not let others distribute; recognised by type only.
bool is_foreign(std::string_view type) noexcept;
/// A layer that is a tar without compression: its digest is its diff_id.
bool is_plain_layer(std::string_view type) noexcept;
/// Fit for a Content-Type header: type "/" subtype of RFC 6838 characters, no parameters.
bool is_well_formed(std::string_view type) noexcept;

} // namespace tarpon::media_type
