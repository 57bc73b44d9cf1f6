// What has to be done for an archive: every blob once, every image with the blobs it waits for.
// Pure: built before the first layer byte is read, executed by archive_push.
#pragma once

#include "archive/contents.hpp"
#include "engine/image_tree.hpp"
#include "engine/targets.hpp"
#include "registry/manifest_builder.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/options.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::engine {

/// How the stored bytes become the pushed ones.
struct layer_treatment {
    bool decode = false; ///< unpack first (xz, or another compression is wanted)
    bool encode = false; ///< compress
    registry::layer_form form = registry::layer_form::plain; ///< what is pushed

    bool as_is() const noexcept { return !decode && !encode; }
};

/// What `stored` becomes under these options. Errors: errc::usage (zstd in Docker schema 2).
result<layer_treatment>
treat_layer(archive::encoding stored, compression wanted, manifest_format format);

/// A blob to be got into one or more repositories.
struct blob_job {
    std::optional<archive::entry_id> entry;
    std::optional<std::string> bytes; ///< content in memory; neither: it must be there already
    archive::encoding stored = archive::encoding::other;
    layer_treatment treatment;
    std::uint64_t stored_bytes = 0;

    /// Digest of what is pushed, if known ahead. `promised` by the archive's metadata, or only
    /// suggested by an entry's name (enough to ask the registry, not to believe the bytes).
    std::optional<digest> known;
    bool suggested = false;
    /// What the plain bytes must hash to, where they are seen.
    std::optional<digest> diff_id;
    /// The same text for the same pushed bytes, whichever archive they come from; empty where
    /// nothing is known of them ahead.
    std::string identity;
    std::string label;                     ///< for progress and errors
    std::vector<std::size_t> repositories; ///< indexes into push_plan::repositories

    bool has_content() const noexcept { return entry || bytes; }
    /// The archive states the digest of what is pushed, so the bytes must have it.
    bool is_promised() const noexcept { return known && !suggested && treatment.as_is(); }
};

/// An image for one repository.
struct image_job {
    std::size_t image = 0;      ///< index into archive_contents::images
    std::size_t repository = 0; ///< index into push_plan::repositories
    std::vector<std::string> tags;
    std::string label;
    bool first_tag_is_free = false; ///< nothing stood there when we looked

    /// Byte for byte …
    std::optional<image_tree> tree;
    std::vector<image_tree> referrers;
    /// … or built from these: config first, then layers with their treatment.
    const archive::layered_image* built = nullptr;
    std::vector<layer_treatment> layer_treatments;

    /// Blobs it waits for. For a built image: [0] the config, then each layer in order (foreign
    /// layers have none).
    std::vector<std::optional<std::size_t>> blobs;
};

struct push_plan {
    std::string archive; ///< its name, for events
    std::vector<repository> repositories;
    std::vector<blob_job> blobs; ///< in the order of work: largest first
    std::vector<image_job> images;
};

/// Collects images and shares their blobs.
class plan_builder {
public:
    plan_builder(const archive::archive_contents& contents, const push_options& options)
        : contents_(contents)
        , options_(options) {}

    /// `tree` as selected and checked for absent children.
    void
    add_verbatim(const image_target& target, image_tree tree, std::vector<image_tree> referrers);
    /// Errors: errc::usage.
    result<void> add_built(const image_target& target, const archive::layered_image& image);
    push_plan finish();

private:
    std::size_t repository_index(const repository& where);
    std::size_t add_blob(const std::string& key, blob_job job, std::size_t repository);
    std::size_t add_tree_blob(const tree_blob& blob, std::size_t repository);
    result<std::size_t> add_layer(
        const archive::layer_content& layer,
        const layer_treatment& treatment,
        std::size_t repository);

    const archive::archive_contents& contents_;
    const push_options& options_;
    push_plan plan_;
    std::map<std::string, std::size_t> by_key_;
};

/// Is the image pushed as its OCI manifest says, or built anew (so that its plain layers become
/// compressed, or others take another form)?
bool push_verbatim(const archive::archive_image& image, const push_options& options);

} // namespace tarpon::engine
