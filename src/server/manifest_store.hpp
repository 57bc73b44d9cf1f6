// Manifests and tags of repositories. Blocking, thread-safe.
//
//   repositories/<name>/_manifests/<algorithm>/<hex>   holds the media type
//   repositories/<name>/_tags/<tag>                    holds the descriptor as JSON: the truth
//   index.json, oci-layout                             derived from the tags, for other OCI tools
#pragma once

#include "server/blob_store.hpp"
#include "server/files.hpp"

#include <tarpon/descriptor.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
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

    /// Checks and stores; `tag` is empty for a push by digest. Blobs and children must be in the
    /// repository (foreign layers need not). Durable when it returns, the tag last.
    std::optional<rejection>
    put(const std::string& repository,
        const std::string& tag,
        const descriptor& content,
        std::string_view bytes);

    /// Both return false if it is not there. Layers and configs stay on disk.
    bool remove_tag(const std::string& repository, const std::string& tag);
    /// With the tags that name it.
    bool remove(const std::string& repository, const digest& content);

    std::optional<descriptor> find_tag(const std::string& repository, const std::string& tag) const;
    std::optional<descriptor> find(const std::string& repository, const digest& content) const;
    /// nullopt if it is not there, or is not what its digest says any more.
    std::optional<std::string> read(const descriptor& content) const;

    /// Sorted bytewise. nullopt: no such repository.
    std::optional<std::vector<std::string>> tags(const std::string& repository) const;
    std::vector<std::string> repositories() const;

    /// Writes index.json if a tag changed since the last time.
    void write_index();

private:
    std::optional<rejection> check_references(
        const std::string& repository, const descriptor& content, std::string_view bytes) const;
    void load_repository(const std::string& repository);
    void load_folder(const std::string& below);
    std::string index_text() const;

    folder& root_;
    blob_store& blobs_;
    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, descriptor>> tags_; // repository -> tag -> manifest
    bool index_stale_ = false;
    std::shared_mutex removing_; // alone; shared by who puts what might be removed under its hands
    std::mutex writing_tags_;    // so that file and table agree on who wrote a tag last
    std::mutex writing_index_;
};

} // namespace tarpon::server
