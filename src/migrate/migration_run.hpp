// One migration: the index pass over its archives, then their push, several at a time.
//
// Of an archive that waits a few numbers are held; its metadata is read again when its turn comes.
#pragma once

#include "async/condition.hpp"
#include "async/slots.hpp"
#include "engine/archive_push.hpp"
#include "migrate/blob_catalog.hpp"
#include "migrate/claims.hpp"
#include "migrate/push_rounds.hpp"
#include "migrate/shard.hpp"
#include "migrate/sources.hpp"
#include "migrate/watch.hpp"
#include "migrate/work_queue.hpp"

#include <tarpon/migrate.hpp>

#include <boost/asio/awaitable.hpp>

#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace tarpon::migration {

/// What is held of an archive that waits.
struct archive_record {
    std::string name;        ///< path as the source gave it
    std::string shared_name; ///< archive_target's name
    std::string target;      ///< archive_target's
    std::uint64_t bytes = 0;
    std::uint64_t bytes_to_read = 0;
    std::uint64_t references = 0;
    bool packed = false;                      ///< compressed as a whole: it is pushed in one pass
    std::vector<journal_image> packed_images; ///< of such a one: those that are not done
    bool to_do = false;
    std::size_t file = 0;                     ///< the first archive of the same file
    std::int64_t size = 0, mtime_ns = 0;      ///< of the file, when it was looked at
    std::vector<std::string> done_references; ///< an earlier run did them
    tarpon::digest content;                   ///< of the file, from an earlier run
};

/// The archive's key in the journal: each target of a file has its own.
inline std::string journal_key(const file_stamp& stamp, const archive_record& record) {
    return record.target.empty() ? stamp.path : stamp.path + " -> " + record.target;
}

/// What the index pass finds out on a worker.
struct archive_look {
    file_stamp stamp; ///< its path is the archive's key in the journal
    std::optional<journal::done_archive> done;
    bool packed = false;
    archive_outline outline;           ///< of all images
    std::vector<journal_image> images; ///< one for each reference; with a digest where it is done
    std::vector<journal_image> replacing; ///< those to be written in place of others that are done
    archive_outline rest;                 ///< of images that are not done
    std::optional<error> trouble;
};

class migration_run {
public:
    migration_run(
        boost::asio::any_io_executor executor, migrate_options options, migrate_observer& told);

    boost::asio::awaitable<migrate_report> go();

private:
    class stop_now {}; // thrown by --fail-fast

    // migration_run.cpp
    boost::asio::awaitable<void> work();
    boost::asio::awaitable<void> do_all();
    boost::asio::awaitable<void> prepare();
    boost::asio::awaitable<std::vector<archive_target>> find_archives();
    boost::asio::awaitable<void> index_and_push();
    boost::asio::awaitable<void> wait_for_trouble();
    registry::registry_session& registry_at_large();
    boost::asio::awaitable<std::optional<error>> refusal_of_credentials();
    boost::asio::awaitable<void> look_into_outage();
    boost::asio::awaitable<void> close(std::exception_ptr failed);
    void settle(std::exception_ptr failed);
    std::string under_way() const;
    std::string images_left() const;
    std::uint64_t not_looked_at() const;

    // index_pass.cpp
    boost::asio::awaitable<void> index_all();
    boost::asio::awaitable<void> look_at(std::size_t archive);
    boost::asio::awaitable<archive_look> look(const archive_record& record);
    boost::asio::awaitable<void> look_inside(const archive_record& record, archive_look& found);
    void outline_images(
        const archive_record& record,
        const archive::archive_contents& contents,
        archive_look& found) const;
    void find_done_images(archive_look& found) const;
    void note_done(std::size_t archive, const archive_look& found);
    void note_images(std::size_t archive, const archive_look& found);
    void note_trouble(std::size_t archive, const archive_look& found);
    void claim(std::size_t archive, const std::vector<journal_image>& images);
    boost::asio::awaitable<void> choose_shard();
    boost::asio::awaitable<void> weigh(std::size_t archive, std::vector<archive_load>& loads);
    bool is_mine(std::size_t archive) const {
        return shards_.empty() || shards_[archive] == options_.shard.index - 1;
    }
    std::string archive_settings(const archive_record& record) const;

    // archive_turns.cpp
    boost::asio::awaitable<void> push_all();
    boost::asio::awaitable<void> push_round(int round);
    boost::asio::awaitable<void> take_turns(queue_end from);
    boost::asio::awaitable<void> push_packed(int round);
    boost::asio::awaitable<void> push_one(std::size_t archive);
    engine::target_list
    choose_targets(std::size_t archive, const archive::archive_contents& contents);
    boost::asio::awaitable<digest> hash_file(std::string path);
    bool has_uncontested(std::size_t archive) const;
    bool is_outage() const;
    error outage() const;
    void note_reach(const active_archive& ended);

    migrate_options options_;
    watch watch_;
    engine::run_context run_;
    std::shared_ptr<journal> journal_;
    std::optional<journal_writer> writer_;
    std::string started_;
    std::string settings_; ///< options that change what is pushed
    std::vector<archive_record> archives_;
    std::vector<int> shards_; ///< empty: all are mine
    std::string fingerprint_; ///< of the shards
    async::slots packed_;     ///< a turn of the one packed archive that is looked into
    reference_claims claims_;
    push_rounds rounds_;
    std::vector<std::pair<std::size_t, journal_image>> replacing_; ///< while the index pass goes on
    blob_catalog catalog_;
    migrate_plan plan_;
    work_queue queue_;
    async::condition changed_;
    bool trouble_ = false;
    int unreachable_ = 0; ///< archives in a row that did not get through to the registry
    error_class outage_ = error_class::network; ///< of the last of them
    bool finished_ = false;
    bool begun_ = false;
    bool indexed_ = false;
    std::exception_ptr failed_;
};

} // namespace tarpon::migration
