// The verb: move a folder, or a list, of archives into a registry; to be interrupted, repeated,
// split over machines and audited.
#pragma once

#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>
#include <tarpon/push.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tarpon {

/// One part of a migration that several machines share; parts are 1 to `count`.
struct shard {
    int index = 1;
    int count = 1;
};

struct migrate_options {
    /// `where.to` and `where.placements` are not used: names come from archives and mappings.
    push_options push;
    /// Folders (recursive), globs, archives, "@list.txt" (a line: ARCHIVE, or ARCHIVE TARGET), and
    /// "@mapping.yaml" or ".json" (archive -> target).
    std::vector<std::string> sources;
    /// SQLite file that remembers what is done; empty: none is kept.
    std::string journal;
    tarpon::shard shard;
    bool fail_fast = false; ///< stop at the first failure instead of going on
    bool plan_only = false; ///< say what would be sent, and send nothing
    /// SHA-256 of each archive file for the report; reads every archive once more.
    bool hash_archives = false;
};

/// What became of one reference, or of an archive as a whole when `reference` is empty.
struct migrated_image {
    enum class outcome {
        pushed,
        unchanged, ///< the registry had it
        skipped,   ///< the journal says an earlier run did it
        planned,   ///< plan_only
        failed,
    };
    std::string archive;
    std::string reference; ///< HOST/PATH:TAG
    tarpon::digest digest; ///< of the manifest; empty when failed or planned
    outcome result = outcome::failed;
    std::string error; ///< why it failed, with its cause and hint
    /// SHA-256 of the archive file, when asked for; else empty.
    tarpon::digest archive_digest;
};

/// How far a run was at some time; for the plot of its throughput.
struct migrate_sample {
    double seconds = 0; ///< since the run began
    std::uint64_t bytes_sent = 0;
    std::uint64_t images_done = 0;
};

/// What the index pass found, before anything is sent. Bytes as they are stored in the archives.
struct migrate_plan {
    std::uint64_t archives = 0;
    std::uint64_t images = 0;       ///< references to be written
    std::uint64_t images_done = 0;  ///< of these, done by an earlier run
    std::uint64_t blobs = 0;        ///< different ones
    std::uint64_t blob_bytes = 0;   ///< of different blobs
    std::uint64_t shared_bytes = 0; ///< saved because archives share blobs
    std::uint64_t bytes_present = 0;
    std::uint64_t bytes_to_send = 0;
};

struct migrate_report {
    std::string destination; ///< HOST[/PREFIX] as the user gave it
    tarpon::shard shard;
    /// Of all archives, with shards: where it differs between shards, they saw different archives,
    /// and some may be in no shard. Else empty.
    std::string fingerprint;
    std::string started; ///< UTC, "2026-11-26T14:00:00Z"
    migrate_plan plan;
    std::vector<migrated_image> images; ///< in the order of their end
    std::vector<migrate_sample> samples;
    push_summary summary;
    bool interrupted = false;
    error_class first_failure = error_class::internal; ///< only where something failed
    bool broke = false; ///< the run itself could not go on: its journal cannot be written, or a bug

    /// As push_report::exit_code: 0; 130 when interrupted; 1 when the run broke; 7 when something
    /// is in the registry and something failed; else the code of the first failure's class.
    int exit_code() const;
};

/// What a migration tells while it runs, beside what a push tells.
class migrate_observer : public progress_observer {
public:
    /// Once, after the index pass.
    virtual void on_migrate_plan(const migrate_plan&) {}
    /// Each image as it ends, skipped ones too.
    virtual void on_migrated(const migrated_image&) {}
};

/// Pushes every image of every archive that `sources` name, blobs that archives share only once.
///
/// Errors:   throws `error` only for what concerns the run as a whole (errc::usage, a journal that
///           another run uses); bad archives and images are in the report.
/// Lifetime: as tarpon::push. Cancel: terminal; what is done is in the journal.
/// Source:   distribution-spec v1.1 "Push", "Mounting a blob from another repository".
boost::asio::awaitable<migrate_report> migrate(migrate_options options, migrate_observer& observer);

} // namespace tarpon
