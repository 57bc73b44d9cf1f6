// Manifests and tags of repositories. Blocking, thread-safe.
//
// The files of the tags are the truth (storage_layout.hpp); all tags are in memory too. index.json
// is derived from them. What a delete leaves without a name is marked as released, and goes with
// a collection (collector.hpp).
#pragma once

#include "archive/oci_document.hpp"
#include "server/blob_store.hpp"
#include "server/files.hpp"
#include "server/referrer_store.hpp"

#include <tarpon/descriptor.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::server {

class manifest_store {
public:
    /// Reads all tags; rebuilds index.json if it is missing or differs.
    manifest_store(folder& root, blob_store& blobs);

    /// What is wrong with a manifest, in the terms of the API.
    struct rejection {
        std::string code; ///< MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, …
        std::string message;
    };
    struct put_outcome {
        std::optional<rejection> rejected;
        std::optional<digest> subject; ///< of the manifest that was stored
    };

    /// Checks and stores; `tag` is empty for a push by digest. Blobs and children must be in the
    /// repository (foreign layers and the subject need not). Durable when it returns, the tag last.
    put_outcome
    put(const std::string& repository,
        const std::string& tag,
        const descriptor& content,
        std::string_view bytes);

    /// Both return false if it is not there. A manifest without its last tag is released.
    bool remove_tag(const std::string& repository, const std::string& tag);
    /// With the tags that name it. What it was made of and what refers to it is released.
    bool remove(const std::string& repository, const digest& content);
    /// Only as long as no tag names it: for the collector, who is alone.
    bool remove_untagged(const std::string& repository, const digest& content);
    /// Nobody needs it any more, unless a tag or another manifest does. The caller is alone.
    void release(const std::string& repository, const digest& content);

    std::optional<descriptor> find_tag(const std::string& repository, const std::string& tag) const;
    std::optional<descriptor> find(const std::string& repository, const digest& content) const;
    /// `find` for a push, which may rely on the answer for a while. Inside the gate.
    std::optional<descriptor> claim(const std::string& repository, const digest& content);
    /// nullopt if it is not there, or is not what its digest says any more.
    std::optional<std::string> read(const descriptor& content) const;
    /// Its file, for content that read() found whole.
    std::optional<file> open(const descriptor& content) const;
    /// nullopt also for one that cannot be read.
    std::optional<archive::manifest_document>
    parsed(const std::string& repository, const digest& content) const;
    /// See referrer_store::list.
    referrer_store::page referrers(
        const std::string& repository,
        const digest& subject,
        std::string_view artifact_type,
        const std::string& after) const;
    /// A manifest of the repository that names this blob, or might: it cannot be read.
    std::optional<digest> user_of(const std::string& repository, const digest& blob) const;

    /// Sorted bytewise. nullopt: no such repository.
    std::optional<std::vector<std::string>> tags(const std::string& repository) const;
    /// Those with tags.
    std::vector<std::string> repositories() const;

    /// Writes index.json if a tag changed since the last time.
    void write_index();

private:
    std::optional<rejection>
    check_references(const std::string& repository, const archive::manifest_document& document);
    void load_repository(const std::string& repository);
    bool is_tagged(const std::string& repository, const digest& content) const;
    void drop_tag(const std::string& repository, const std::string& tag);
    void drop(const std::string& repository, const digest& content);
    std::string index_text() const;

    folder& root_;
    blob_store& blobs_;
    referrer_store referrers_;
    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, descriptor>> tags_; // repository -> tag -> manifest
    bool index_stale_ = false;
    std::mutex writing_tags_; // so that file and table agree on who wrote a tag last
    std::mutex writing_index_;
};

/// What stands in the file of a tag; nullopt if that is no descriptor.
std::optional<descriptor> parse_tag(std::string_view text);
inline constexpr std::size_t tag_file_bytes_max = 4096;

/// Every blob and manifest that a manifest is made of, its children among them.
std::vector<digest> parts_of(const archive::manifest_document& document);

} // namespace tarpon::server
