// See media_type.hpp.
#include "model/media_type.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::media_type {
namespace {

// RFC 6838 section 4.2: restricted-name.
bool is_restricted_name(std::string_view name) noexcept {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
    });
}

} // namespace

bool is_index(std::string_view type) noexcept {
    return type == oci_index || type == docker_index;
}

bool is_manifest(std::string_view type) noexcept {
    return type == oci_manifest || type == docker_manifest;
}

bool is_schema1(std::string_view type) noexcept {
    return type == "application/vnd.docker.distribution.manifest.v1+json"
           || type == "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

bool is_image_config(std::string_view type) noexcept {
    return type == oci_config || type == docker_config;
}

bool is_foreign(std::string_view type) noexcept {
    return type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
           || type.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar");
}

bool is_plain_layer(std::string_view type) noexcept {
    return type == oci_layer || type == docker_layer;
}

bool is_well_formed(std::string_view type) noexcept {
    const std::size_t slash = type.find('/');
    return type.size() <= limits::media_type_bytes_max && slash != type.npos
           && is_restricted_name(type.substr(0, slash))
           && is_restricted_name(type.substr(slash + 1));
}

} // namespace tarpon::media_type
