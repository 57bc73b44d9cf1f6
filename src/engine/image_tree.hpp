// The manifests and blobs of an OCI image that are to be pushed byte for byte. Pure.
#pragma once

#include "archive/contents.hpp"

#include <tarpon/descriptor.hpp>
#include <tarpon/error.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tarpon::engine {

struct tree_manifest {
    descriptor self;
    std::string bytes;
};

struct tree_blob {
    descriptor content;
    std::optional<archive::entry_id> entry;
    std::optional<std::string> inline_bytes; ///< from the descriptor, where there is no entry
    digest owner;                            ///< a manifest that needs it

    bool in_archive() const noexcept { return entry || inline_bytes; }
};

/// A child that an index names and the archive does not hold.
struct absent_manifest {
    archive::oci_descriptor self;
};

struct image_tree {
    std::vector<tree_manifest> manifests; ///< children before parents; the root is the last
    std::vector<tree_blob> blobs;         ///< each digest once; foreign layers are left out
    std::vector<absent_manifest> absent;

    const tree_manifest& root() const { return manifests.back(); }
};

struct tree_choice {
    std::vector<std::string> platforms; ///< OS/ARCH[/VARIANT]; empty: all
    std::set<digest> drop;              ///< manifests to be left out of indexes
};

/// One platform chosen: the tree is that one manifest. Several, or something dropped: indexes are
/// rewritten without the rest (their digests change).
/// Errors: errc::archive_platform_missing (nothing left).
result<image_tree> select_tree(
    const archive::archive_contents& contents, const descriptor& root, const tree_choice& choice);

/// Does "linux/arm64" or "linux/arm64/v8" mean this platform?
bool platform_matches(std::string_view wanted, const archive::platform& found);

/// A word for a manifest in a message: its platform, else its digest.
std::string describe_manifest(const archive::oci_descriptor& manifest);

} // namespace tarpon::engine
