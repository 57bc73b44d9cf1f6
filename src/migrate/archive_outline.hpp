// What a migration has to know of an archive before its turn comes: which references it would
// write, and which blobs that takes. Small, because thousands of them are held. Pure.
#pragma once

#include "archive/contents.hpp"
#include "engine/targets.hpp"

#include <tarpon/options.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tarpon::migration {

/// An image for one repository.
struct image_outline {
    std::vector<std::string> references; ///< HOST/PATH:TAG; HOST/PATH for one without a tag
    /// The same text for the same image: the digest of its root where that is pushed as it is, else
    /// that of its config.
    std::string identity;
};

struct blob_outline {
    std::string identity; ///< engine::blob_job's; made unique by the archive where that has none
    std::uint64_t bytes = 0;
    bool in_memory = false; ///< a config: metadata, which is read with the archive's
};

struct archive_outline {
    std::vector<image_outline> images; ///< in the order of the targets
    std::vector<blob_outline> blobs;   ///< each once; those that the archive has
    std::size_t unplaced = 0;          ///< images without a place

    std::uint64_t bytes() const noexcept;
    /// Without configs.
    std::uint64_t bytes_to_read() const noexcept;
    std::size_t references() const noexcept;
};

/// Where the images go. Throws errc::archive_metadata where one target was given for many images,
/// and what engine::find_targets says.
engine::target_list targets_in(const archive::archive_contents& contents, const destination& where);

/// "HOST/PATH:TAG" for each tag of a target.
std::vector<std::string> references_of(const engine::image_target& target);

/// What is wrong with an image is no concern here: it counts as one without blobs.
archive_outline outline_of(
    const std::string& archive,
    const archive::archive_contents& contents,
    const engine::target_list& list,
    const push_options& options);

/// Where the images of an archive go: `target` is NAME[:TAG] below the registry of `common`,
/// without its --map; empty: their own names below it. Throws errc::usage.
destination destination_of(const destination& common, const std::string& target);

} // namespace tarpon::migration
