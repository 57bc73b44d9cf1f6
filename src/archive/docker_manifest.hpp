// manifest.json, the metadata of the Docker dialect: JSON text -> items.
#pragma once

#include "archive/oci_document.hpp"

#include <tarpon/error.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::archive {

/// One image of manifest.json. Names of entries are as written, links not followed.
struct docker_item {
    std::string config;
    std::vector<std::string> repo_tags;
    std::vector<std::string> layers; ///< base first
    /// Foreign layers by diff_id. Other sources are left out: Docker 25 lists every layer there,
    /// with the uncompressed digest, which must not be taken for a foreign layer.
    std::map<digest, descriptor> foreign_sources;
};

/// Errors: errc::archive_metadata, errc::archive_limit.
/// Source: archive layouts of docker save since 1.10.
result<std::vector<docker_item>> parse_docker_manifest(std::string_view text);

} // namespace tarpon::archive
