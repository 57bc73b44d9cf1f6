// What a push tells while it runs. The engine never prints; the program, its JSON lines and the
// web page are views of these events.
#pragma once

#include <tarpon/digest.hpp>
#include <tarpon/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon {

enum class blob_status {
    uploaded,
    exists,  ///< was in the repository
    mounted, ///< was in another repository of the registry
    reused,  ///< taken from the image that the tag named before
};

/// A blob is in a repository now.
struct blob_event {
    tarpon::digest digest;
    tarpon::digest diff_id; ///< empty where it is not known (configs, layers pushed as they are)
    std::uint64_t size = 0; ///< as stored
    blob_status status = blob_status::uploaded;
    std::uint64_t bytes_sent = 0;
    std::string repository; ///< HOST/PATH
};

enum class image_status { pushed, unchanged };

/// A reference names its image now.
struct image_event {
    std::string reference; ///< HOST/PATH:TAG, or HOST/PATH for an image without a tag
    tarpon::digest digest;
    std::string media_type;
    image_status status = image_status::pushed;
    std::string archive = {}; ///< that it came from, as the caller named it
};

/// Dry run: what a push would send for one reference.
struct plan_event {
    std::string reference;
    std::uint64_t blobs = 0;
    std::uint64_t blobs_to_send = 0;
    std::uint64_t bytes_to_read = 0; ///< of the archive; compressed, fewer will be sent
};

/// An image, or a whole archive when `reference` is empty, was not pushed.
struct failure_event {
    tarpon::error what;
    std::string reference;
    std::string archive;
};

/// Something failed that may pass, and is tried again after `delay`.
struct retry_event {
    std::string what;     ///< "HOST, to open an upload in team/app"
    int attempt = 0;      ///< 1 for the first repetition
    int attempts_max = 0; ///< repetitions there may be
    std::chrono::milliseconds delay{0};
    std::string reason; ///< what failed, in words
};

enum class log_level { error, warn, info, debug, trace };

/// A blob under way. `total` is 0 where it is not known.
struct active_blob {
    std::string_view state; ///< "checking", "sending", "committing", …
    std::string label;      ///< image and short digest, or entry name
    std::uint64_t done = 0; ///< bytes read
    std::uint64_t total = 0;
};

/// A sample, a few times a second. Bytes of the archive that are read, and those that need not be.
struct progress_snapshot {
    std::uint64_t archives_done = 0;
    std::uint64_t archives_total = 0;
    std::uint64_t images_done = 0;  ///< of a migration; references
    std::uint64_t images_total = 0; ///< 0: not a migration, or not known yet
    std::uint64_t bytes_done = 0;   ///< read or skipped
    std::uint64_t bytes_total = 0;  ///< grows until the plan is complete
    bool total_known = false;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_skipped = 0;
    std::uint64_t errors = 0;
    std::vector<active_blob> active; ///< oldest first
};

/// Called on the thread that runs the push, one call at a time. State changes are never left out;
/// snapshots are. A method must return soon and must not throw.
class progress_observer {
public:
    virtual ~progress_observer() = default;
    virtual void on_blob(const blob_event&) {}
    virtual void on_image(const image_event&) {}
    virtual void on_plan(const plan_event&) {}
    virtual void on_failure(const failure_event&) {}
    virtual void on_retry(const retry_event&) {}
    virtual void on_progress(const progress_snapshot&) {}
    /// Secrets, headers and query strings are never in a message.
    virtual void on_log(log_level, const std::string& /*message*/) {}
};

} // namespace tarpon
