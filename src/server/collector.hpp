// Removes from the storage what nobody needs, while it is in use. Blocking; one run at a time.
//
//   1. look   All manifests of all repositories are read and find_garbage decides. One that cannot
//             be read ends the run before anything is removed: it could name anything.
//   2. remove One by one: manifests, then links of blobs to repositories. What a push relied on
//             since the look began stays (store_gate).
//   3. sweep  Content that no repository has a link to is renamed into trash/, then deleted.
//
// A kill at any moment leaves a storage that holds less garbage and misses nothing.
#pragma once

#include "server/garbage.hpp"
#include "server/manifest_store.hpp"
#include "server/upload_store.hpp"

#include <tarpon/limits.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tarpon::server {

struct collector_rules {
    /// Nothing that was pushed, mounted or asked for by a push within this time is removed.
    std::chrono::seconds grace{std::chrono::hours(1)};
    /// Also manifests that never had a tag, or lost it to another image.
    bool untagged = false;
    /// Most of what one run removes, in sum over all repositories.
    std::size_t plan_max = limits::collector_memory_max;
};

struct collection {
    std::size_t manifests = 0; ///< removed
    std::size_t blobs = 0;     ///< whose content was removed
    std::uint64_t bytes = 0;   ///< of these
    /// When something will be old enough; nullopt: nothing is waiting.
    std::optional<std::chrono::system_clock::time_point> next;
};

class collector {
public:
    /// Empties trash/, where an earlier process may have left something.
    collector(
        folder& root,
        blob_store& blobs,
        manifest_store& manifests,
        upload_store& uploads,
        collector_rules rules);

    /// Returns early once `stop` is set. Throws errc::storage, with nothing removed after it.
    collection run(const std::atomic<bool>& stop);

private:
    struct plan;
    repository_picture look_at(const std::string& repository) const;
    repository_garbage judge(const std::string& repository, collection& found) const;
    std::vector<plan> look(const std::atomic<bool>& stop, collection& found) const;
    void remove_manifests(const plan& what, const store_gate::watch& since, collection& done);
    void
    remove_links(const plan& what, const store_gate::watch& since, const std::atomic<bool>& stop);
    void sweep(const std::atomic<bool>& stop, collection& done);

    folder& root_;
    blob_store& blobs_;
    manifest_store& manifests_;
    upload_store& uploads_;
    const collector_rules rules_;
    std::uint64_t trash_number_ = 0;
};

} // namespace tarpon::server
