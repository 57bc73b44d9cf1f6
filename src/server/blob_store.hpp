// Blobs on disk, and which repository has which. Blocking, thread-safe.
//
// The content lies once for all repositories; a link in a repository makes it visible there
// (storage_layout.hpp). A blob is seen only through a repository that has it: content of others is
// not to be found by guessing digests. When a link was last touched is when somebody last wanted
// the blob for a push.
#pragma once

#include "server/files.hpp"
#include "server/storage_layout.hpp"
#include "server/store_gate.hpp"

#include <tarpon/digest.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tarpon::server {

class blob_store {
public:
    explicit blob_store(folder& root)
        : root_(root) {}

    /// Who calls what needs it is inside, or alone.
    store_gate& gate() noexcept { return gate_; }

    struct stored_blob {
        file content;
        std::uint64_t size = 0;
    };

    /// Size of a blob that the repository has and that is whole: a file that lost bytes is not
    /// there.
    std::optional<std::uint64_t> find(const std::string& repository, const digest& content) const;
    std::optional<stored_blob> open(const std::string& repository, const digest& content) const;
    /// `find` for a push, which may rely on the answer for a while. Inside the gate.
    std::optional<std::uint64_t> claim(const std::string& repository, const digest& content);
    /// Takes a synced temporary file whose digest was checked; durable when it returns. Inside.
    void
    add(const std::string& repository,
        const digest& content,
        const std::string& temporary,
        std::uint64_t size);
    /// The same for small content.
    void add_bytes(const std::string& repository, const digest& content, std::string_view bytes);
    /// Gives `repository` what `from` has; false if `from` does not have it. Inside.
    bool mount(const std::string& repository, const std::string& from, const digest& content);
    /// Takes it from this repository; false if it does not have it. Content that no repository has
    /// any more goes with the next collection. Alone.
    bool remove(const std::string& repository, const digest& content);

private:
    void link(const std::string& repository, const digest& content, std::uint64_t size);

    folder& root_;
    store_gate gate_;
};

} // namespace tarpon::server
