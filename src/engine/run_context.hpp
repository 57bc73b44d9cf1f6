// What all parts of one run share: executor, workers, memory, connections, registries, counters.
#pragma once

#include "async/run_on.hpp"
#include "async/slots.hpp"
#include "engine/push_memory.hpp"
#include "engine/targets.hpp"
#include "engine/upload_gate.hpp"
#include "pipeline/buffer_pool.hpp"
#include "pipeline/layer_stream.hpp"
#include "registry/registry_session.hpp"
#include "transport/http_client.hpp"

#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>
#include <tarpon/push.hpp>

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace tarpon::engine {

class shared_blobs;

/// What archives that are pushed at the same time share.
struct archive_sharing {
    archive_sharing(const boost::asio::any_io_executor& executor, int jobs);
    ~archive_sharing();

    /// false: no archive waits any more, and large blobs may have all places.
    void leave_places(bool some_for_small_ones);

    std::unique_ptr<shared_blobs> blobs;
    /// Where a mount was refused, none is expected of the next one either.
    std::set<std::string> hosts_without_mounts;
    const int jobs;
    /// Turns of blobs over limits::small_blob_bytes_max, so that small ones need not wait for them.
    async::slots large_uploads;
    /// Small layers that are compressed before they are sent, so that their digest is known.
    async::slots prepared_layers;
};

/// A blob under way, as the progress display sees it. In the list while it exists.
class activity {
public:
    activity(std::list<active_blob>& board, std::string label, std::uint64_t total);
    ~activity();
    activity(const activity&) = delete;
    activity& operator=(const activity&) = delete;

    void state(std::string_view name) { at_->state = name; }
    /// So many bytes are done. Gives how many of them are news: what is read again, for another
    /// try or another repository, is none.
    std::uint64_t advance(std::uint64_t bytes);

private:
    std::list<active_blob>& board_;
    std::list<active_blob>::iterator at_;
};

class run_context {
public:
    /// `shared`: a pool that outlives the run; nullptr: one of its own.
    run_context(
        boost::asio::any_io_executor executor,
        push_options options,
        progress_observer& observer,
        async::cpu_pool* shared = nullptr);

    boost::asio::any_io_executor executor;
    const push_options options;
    progress_observer& observer;
    std::optional<async::cpu_pool> own_workers;
    async::cpu_pool& workers;
    pipeline::buffer_pool buffers;
    pipeline::hash_queue hashes;
    transport::http_client http;
    /// Turns of blobs over limits::small_blob_bytes_max of an archive that is pushed alone.
    upload_gate large_uploads;

    // For the summary and the display.
    push_report report;
    std::list<active_blob> board;
    progress_snapshot totals; ///< without `active`; filled as the run goes
    /// `totals.bytes_total` was found out before the run; archives do not add to it.
    bool counted_ahead = false;
    /// Set where several archives are pushed at a time.
    std::optional<archive_sharing> sharing;

    /// One session for each host and scheme.
    registry::registry_session& registry(const repository& where);
    pipeline::workshop workshop();
    /// Opens push_options::state; once, and not before an archive that can be read again.
    boost::asio::awaitable<void> open_memory();
    /// nullptr: nothing is remembered.
    push_memory* memory() noexcept { return memory_ ? &*memory_ : nullptr; }
    int jobs() const noexcept { return options.jobs; }

    void blob_done(const blob_event& event, std::uint64_t bytes_not_read);
    void image_done(image_event event);
    void failed(error what, std::string reference, std::string archive);
    void warn(const std::string& message) { observer.on_log(log_level::warn, message); }

    progress_snapshot snapshot() const;
    /// Fills in what is only known at the end.
    push_report take_report();

private:
    registry::session_settings session_settings();
    /// What is wrong with the memory, once.
    void tell_trouble();

    std::map<std::pair<std::string, int>, std::unique_ptr<registry::registry_session>> registries_;
    std::optional<push_memory> memory_;
    std::string told_trouble_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// Calls observer.on_progress a few times a second until it is cancelled.
boost::asio::awaitable<void> report_progress(run_context& run);

} // namespace tarpon::engine
