// One item of manifest.json -> config and layers found in the archive.
#pragma once

#include "archive/contents.hpp"
#include "archive/docker_manifest.hpp"

namespace tarpon::archive {

/// Errors: errc::archive_blob_missing, archive_metadata, digest_mismatch, archive_limit,
///         archive_unsupported.
result<layered_image>
read_docker_image(const docker_item& item, const entry_table& entries, metadata_source& source);

/// The names of an item. A tag that is no reference is an error: dropping it would leave the user
/// without the name they asked for. "<none>:<none>" counts as no name.
result<std::vector<reference>> names_of(const docker_item& item);

/// 64 hex digits in a name like "<hex>.json", "sha256:<hex>" or "blobs/sha256/<hex>"; empty if
/// there are none. Producers mean different things by them (digest, diff_id, chain id).
std::string_view hex_in_name(std::string_view entry_name) noexcept;

} // namespace tarpon::archive
