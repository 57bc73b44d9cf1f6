// What of a migration is done, in a SQLite file that survives the end of the process at any moment.
//
// An image is written down as done after its tag is in the registry, never before: what was lost in
// between is found there by the next run. Not a cache: what is wrong with it ends the run, and
// nothing in it is thrown away. Thread-safe and blocking; calls run on a worker.
#pragma once

#include "state/database.hpp"
#include "state/folder_lock.hpp"

#include <tarpon/digest.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tarpon::migration {

/// An archive file as it was when it was looked at. The path is absolute.
struct file_stamp {
    std::string path;
    std::int64_t size = 0;
    std::int64_t mtime_ns = 0;

    friend bool operator==(const file_stamp&, const file_stamp&) = default;
};

/// HOST[/PREFIX] of a registry. Without its scheme: how it is reached is no other destination.
std::string destination_name(const std::string& registry);

/// Size and time of a file. Throws errc::archive_unreadable.
file_stamp stamp_of(const std::string& path);

/// An image that is to be written, or is.
struct journal_image {
    std::string reference;
    std::string archive;  ///< path
    std::string identity; ///< image_outline's; empty: not known
    std::string settings; ///< options that change what is pushed
    tarpon::digest digest;
};

// --- what is written down; each replaces what was known of its image or archive ------------------

/// Does not touch what other archives did under its reference: it may turn out to be contested.
struct image_planned {
    journal_image image; ///< without digest
};
/// Will be written now: whatever else was done under its reference is not any more.
struct image_begun {
    journal_image image; ///< without digest
};
struct image_is_done {
    journal_image image;
};
/// `reference` empty: the archive as a whole.
struct image_failed {
    std::string reference;
    std::string archive;
    std::string error;
};
/// `settings` of a whole archive: also those that choose its references.
struct archive_begun {
    file_stamp file;
    std::string settings;
};
/// All its images are in the registry.
struct archive_is_done {
    std::string archive;
    tarpon::digest content; ///< of the file; empty: nobody asked
};
/// Which archives all shards have together; see fingerprint_of.
struct shards_chosen {
    std::string fingerprint;
};
using journal_record = std::variant<
    image_planned,
    image_begun,
    image_is_done,
    image_failed,
    archive_begun,
    archive_is_done,
    shards_chosen>;

class journal {
public:
    /// Opens or makes `path` for this destination, and holds it: there is one run at a time.
    /// Throws errc::usage (another run has it; it is of another destination; it is no journal) and
    /// errc::storage (it is damaged, or cannot be opened).
    journal(const std::string& path, const std::string& destination);
    /// For a plan: to ask it, also while another run has it. Nothing is made or written; nullptr
    /// where there is no journal yet. Throws as the constructor.
    static std::shared_ptr<journal>
    look_into(const std::string& path, const std::string& destination);

    /// All images of an archive that is done and unchanged; nullopt where there is something to do.
    struct done_archive {
        std::vector<journal_image> images;
        tarpon::digest content;
    };
    std::optional<done_archive> find_done(const file_stamp& file, const std::string& settings);
    /// The digest under which the image was pushed with these settings.
    std::optional<tarpon::digest> find_done(const journal_image& image);

    /// Throws errc::usage where it was of a shard of other archives: what this shard left to the
    /// others then may be in nobody's part now.
    void check_shards(const std::string& fingerprint);

    /// Would it take its reference from another image that is done?
    bool replaces(const journal_image& image);

    /// All of them or none. false: none, because somebody else (who reads it, too) has the file
    /// locked for longer than limits::state_lock_time_max. Throws errc::storage.
    bool write(const std::vector<journal_record>& records);

    const std::string& path() const noexcept { return path_; }

private:
    journal(const std::string& path, state::database_use use);
    void lock();
    /// false: it is empty, and stays so when it is only looked into.
    bool open(const std::string& destination, state::database_use use);
    void check_destination(const std::string& destination);
    void put(const image_planned& record);
    void put(const image_begun& record);
    void put(const image_is_done& record);
    void put(const image_failed& record);
    void put(const archive_begun& record);
    void put(const archive_is_done& record);
    void put(const shards_chosen& record);
    void put_image(const journal_image& image, const char* state);
    void open_others(const journal_image& image);
    /// What `work` gives; errors of the database become ours.
    template <class Work>
    auto guarded(Work work);

    const std::string path_;
    std::mutex mutex_;
    std::optional<state::folder_lock> lock_;
    std::optional<state::database> db_;
};

} // namespace tarpon::migration
