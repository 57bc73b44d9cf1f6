// Manifests of the OCI side, followed from index.json downwards.
#pragma once

#include "archive/contents.hpp"

#include <set>

namespace tarpon::archive {

/// Loads `root` and every manifest below it that the archive holds into `contents.manifests`.
/// Children that are absent are no error here (images exported for one platform lack the rest).
/// Errors: errc::digest_mismatch, archive_metadata, archive_limit, archive_blob_missing (the root).
result<void>
load_manifest_tree(const descriptor& root, archive_contents& contents, metadata_source& source);

/// `root` and every manifest digest below it, present or not.
std::set<digest> reachable_manifests(const digest& root, const archive_contents& contents);

/// The config of an image manifest; nullopt when it is no runnable image's or is not in the
/// archive. Errors: errc::digest_mismatch, archive_metadata.
result<std::optional<image_config>>
config_of(const manifest_node& node, const archive_contents& contents, metadata_source& source);

/// Do the layers of an image manifest agree with its config: as many as diff_ids, and a plain
/// layer's digest is its diff_id? Docker 25.0.0 wrote layers in random order.
result<void> check_layers(const manifest_node& node, const image_config& config);

} // namespace tarpon::archive
