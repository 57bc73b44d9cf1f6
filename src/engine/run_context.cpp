// See run_context.hpp.
#include "engine/run_context.hpp"

#include "async/worker_count.hpp"
#include "engine/shared_blobs.hpp"
#include "model/process_memory.hpp"
#include "model/text.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <utility>

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

std::function<void(const std::string&)> trace_to(progress_observer& observer) {
    return [&observer](const std::string& line) {
        observer.on_log(log_level::debug, line);
    };
}

std::uint64_t pool_bytes(const push_options& options) noexcept {
    return options.memory_bytes - limits::buffer_memory_bytes_reserved;
}

/// Memory for the chunks of one upload, out of the run's buffers.
asio::awaitable<registry::chunk_memory> lease_chunk(pipeline::buffer_pool& from, std::size_t size) {
    // The blocks of a pipe may be there already, and wait for the chunk they go in.
    auto lease = std::make_shared<pipeline::buffer_lease>(co_await from.acquire_ahead(size));
    co_return registry::chunk_memory{lease->bytes(), lease};
}

} // namespace

archive_sharing::archive_sharing(const asio::any_io_executor& executor, int at_a_time)
    : blobs(std::make_unique<shared_blobs>(executor))
    , jobs(at_a_time)
    , large_uploads(executor, jobs)
    , prepared_layers(executor, jobs) {
    leave_places(true);
}

void archive_sharing::leave_places(bool some_for_small_ones) {
    large_uploads.set_limit(some_for_small_ones ? std::max(1, jobs - std::max(1, jobs / 3)) : jobs);
}

archive_sharing::~archive_sharing() = default;

activity::activity(std::list<active_blob>& board, std::string label, std::uint64_t total)
    : board_(board)
    , at_(board.insert(board.end(), {"waiting", std::move(label), 0, total})) {}

std::uint64_t activity::advance(std::uint64_t bytes) {
    const std::uint64_t before = std::exchange(at_->done, std::max(at_->done, bytes));
    return at_->done - before;
}

activity::~activity() {
    board_.erase(at_);
}

run_context::run_context(
    asio::any_io_executor on, push_options with, progress_observer& told, async::cpu_pool* shared)
    : executor(on)
    , options(std::move(with))
    , observer(told)
    , workers(shared ? *shared : own_workers.emplace(async::worker_count(options.threads)))
    , buffers(on, pool_bytes(options))
    , hashes(workers, on, buffers)
    , http(on, options.connection, static_cast<std::size_t>(options.jobs), trace_to(told))
    , large_uploads(on, enough_for_the_processors(), options.jobs) {
    if (options.rate_bytes_per_second > 0)
        http.limit_rate(options.rate_bytes_per_second);
}

registry::session_settings run_context::session_settings() {
    registry::session_settings with;
    with.retry.retries_max = options.retries;
    with.retry.first_delay = options.retry_delay;
    with.retry.tell = [this](const retry_event& event) {
        observer.on_retry(event);
    };
    with.uploads_max = options.jobs;
    with.chunks = options.chunks;
    const std::uint64_t most = chunk_bytes_allowed(options);
    with.chunk_bytes = options.chunk_bytes != 0 ? options.chunk_bytes
                                                : std::min(most, limits::chunk_bytes_default);
    with.chunk_bytes_max = most;
    with.warn = [this](const std::string& text) {
        warn(text);
    };
    with.memory_for_chunks = [this](std::size_t size) {
        return lease_chunk(buffers, size);
    };
    return with;
}

registry::registry_session& run_context::registry(const repository& where) {
    auto& session = registries_[{where.host, static_cast<int>(where.scheme)}];
    if (!session) {
        const auto at =
            registry::find_endpoint(where.host, where.scheme, options.connection.plain_http)
                .value();
        session = std::make_unique<registry::registry_session>(
            http, at, options.connection, workers, session_settings());
    }
    return *session;
}

asio::awaitable<void> run_context::open_memory() {
    if (memory_ || options.state.empty())
        co_return;
    auto open = [this] {
        return std::make_shared<state::state_store>(options.state);
    };
    auto store = co_await async::run_on(workers.get_executor(), open);
    memory_.emplace(workers, std::move(store));
    tell_trouble();
}

void run_context::tell_trouble() {
    const std::string trouble = memory_ ? memory_->trouble() : std::string();
    if (trouble == told_trouble_)
        return;
    told_trouble_ = trouble;
    observer.on_log(options.state_is_default ? log_level::info : log_level::warn, trouble);
}

pipeline::workshop run_context::workshop() {
    // One block being sent, one waiting, and enough for every worker.
    return {workers, buffers, hashes, executor, async::worker_count(options.threads) + 2};
}

void run_context::blob_done(const blob_event& event, std::uint64_t bytes_not_read) {
    if (event.status == blob_status::uploaded)
        ++report.summary.blobs_uploaded;
    else
        ++report.summary.blobs_skipped;
    totals.bytes_skipped += bytes_not_read;
    totals.bytes_done += bytes_not_read;
    observer.on_blob(event);
}

void run_context::image_done(image_event event) {
    ++report.summary.images;
    observer.on_image(event);
    report.images.push_back(std::move(event));
}

void run_context::failed(error what, std::string reference, std::string archive) {
    ++report.summary.failed;
    ++totals.errors;
    failure_event event{std::move(what), std::move(reference), std::move(archive)};
    observer.on_failure(event);
    report.failures.push_back(std::move(event));
}

progress_snapshot run_context::snapshot() const {
    progress_snapshot now = totals;
    now.bytes_sent = http.counters().body_bytes_sent;
    now.active.assign(board.begin(), board.end());
    return now;
}

push_report run_context::take_report() {
    tell_trouble();
    push_summary& summary = report.summary;
    summary.bytes_sent = http.counters().body_bytes_sent;
    summary.requests = http.counters().requests;
    summary.connections = http.connections_opened();
    summary.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    summary.peak_memory_bytes = peak_memory_bytes();
    return std::move(report);
}

asio::awaitable<void> report_progress(run_context& run) {
    constexpr std::chrono::milliseconds interval{200};
    asio::steady_timer timer(run.executor);
    while (true) {
        timer.expires_after(interval);
        co_await timer.async_wait(asio::use_awaitable);
        run.observer.on_progress(run.snapshot());
    }
}

} // namespace tarpon::engine

std::uint64_t tarpon::chunk_bytes_allowed(const push_options& options) noexcept {
    const std::uint64_t share = engine::pool_bytes(options) / limits::chunk_share_of_buffers;
    return share / static_cast<std::uint64_t>(options.jobs) / 1024 * 1024;
}
