// Blobs on disk, and which repository has which. Blocking, thread-safe.
//
//   blobs/<algorithm>/<hex>                          the content, once
//   repositories/<name>/_blobs/<algorithm>/<hex>     "this repository has it", holds the size
//
// A blob is seen only through a repository that has it: content of others is not to be found by
// guessing digests. Parts that begin with '_' cannot be parts of a repository name.
#pragma once

#include "server/files.hpp"

#include <tarpon/digest.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tarpon::server {

class blob_store {
public:
    explicit blob_store(folder& root)
        : root_(root) {}

    struct stored_blob {
        file content;
        std::uint64_t size = 0;
    };

    /// Size of a blob that the repository has and that is whole: a file that lost bytes is not
    /// there.
    std::optional<std::uint64_t> find(const std::string& repository, const digest& content) const;
    std::optional<stored_blob> open(const std::string& repository, const digest& content) const;
    /// Takes a synced temporary file whose digest was checked; durable when it returns.
    void
    add(const std::string& repository,
        const digest& content,
        const std::string& temporary,
        std::uint64_t size);
    /// The same for small content.
    void add_bytes(const std::string& repository, const digest& content, std::string_view bytes);
    /// Gives `repository` what `from` has; false if `from` does not have it.
    bool mount(const std::string& repository, const std::string& from, const digest& content);

private:
    folder& root_;
};

std::string blob_path(const digest& content);
std::string repository_path(const std::string& repository);

} // namespace tarpon::server
