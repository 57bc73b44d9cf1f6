// What an archive holds, once its metadata is read: images, manifests, layers and where they lie.
//
// Plain data. The engine decides from it what to push; nothing here knows of registries.
#pragma once

#include "archive/encoding.hpp"
#include "archive/entry_table.hpp"
#include "archive/oci_document.hpp"

#include <tarpon/descriptor.hpp>
#include <tarpon/reference.hpp>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tarpon::archive {

/// A manifest or index whose bytes are in the archive and have the digest that names them.
struct manifest_node {
    descriptor self;
    std::string bytes;
    manifest_document document;
};

/// A layer as it lies in the archive.
struct layer_content {
    digest diff_id;
    std::optional<entry_id> entry; ///< none: a foreign layer whose content is elsewhere
    encoding stored = encoding::tar;
    /// Digest and size of the stored bytes and their media type, where a manifest states them.
    std::optional<descriptor> described;
};

/// An image as config and layers, from which a manifest can be built.
struct layered_image {
    std::string config;
    digest config_digest;
    archive::platform platform;
    std::vector<layer_content> layers; ///< base first, one for each diff_id of the config

    bool has_plain_layer() const;
};

struct archive_image {
    /// Full names; one with an empty path is a bare tag, to be used with the user's repository.
    std::vector<reference> names;
    /// The OCI manifest or index that is this image, to be pushed byte for byte.
    std::optional<descriptor> root;
    /// Present where manifest.json describes the image.
    std::optional<layered_image> layered;
    /// Manifests with a `subject` in this image's tree (signatures, SBOMs), pushed with it.
    std::vector<descriptor> referrers;
    /// Why this image cannot be pushed, though others of the archive may be.
    std::optional<failure> trouble;

    /// For people: its first name, or "image N".
    std::string label(std::size_t position) const;
};

struct archive_contents {
    entry_table entries;
    std::unordered_map<digest, manifest_node> manifests;
    std::vector<archive_image> images;
    std::vector<std::string> warnings;
    bool has_docker_manifest = false;
    /// No end-of-archive marker was seen: what is missing was probably cut off.
    bool ended_early = false;

    /// The entry blobs/<algorithm>/<hex>.
    std::optional<entry_id> find_blob(const digest& content) const;
    const manifest_node* find_manifest(const digest& content) const;
};

/// Reads small entries and the first bytes of large ones; implemented over a file, and over what
/// the single pass kept of a stream.
class metadata_source {
public:
    virtual ~metadata_source() = default;
    /// The whole body. Errors: errc::archive_limit (over `bytes_max`), errc::archive_truncated.
    virtual result<std::string> read(const tar_entry& entry, std::uint64_t bytes_max) = 0;
    virtual result<encoding> sniff(const tar_entry& entry) = 0;
    virtual result<bool> same_content(const tar_entry& left, const tar_entry& right) = 0;
};

/// The entry a name in manifest.json stands for. Writers may repeat an entry, but if two entries
/// of one name differ nobody can say which is meant.
/// Errors: those of entry_table::find, errc::archive_damaged.
result<entry_id>
find_unambiguous(std::string_view name, const entry_table& entries, metadata_source& source);

/// Reads index.json and manifest.json together and resolves them to images.
///
/// Prefers the OCI side where both describe an image, unless its manifest contradicts the config
/// (Docker 25.0.0 wrote such). Trouble with one image stays with that image.
/// `ended_early` (see archive_contents) turns what is missing into "truncated".
/// Errors: errc::archive_not_image, archive_truncated, archive_metadata, archive_limit,
///         archive_unsupported.
result<archive_contents>
read_contents(entry_table entries, metadata_source& source, bool ended_early);

} // namespace tarpon::archive
