// The public verb: a run over all archives, with its progress reports and its end.
#include "async/task_group.hpp"
#include "engine/archive_push.hpp"
#include "engine/push_source.hpp"
#include "engine/run_context.hpp"
#include "engine/run_to_end.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"
#include "pipeline/block_codec.hpp"

#include <tarpon/push.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace tarpon {

namespace asio = boost::asio;

namespace {

/// What the user names must be there: a credential file or a folder of certificates that is not
/// would be taken for an empty one, and a folder to spool to would be missed late.
void check_place(
    const std::string& path, std::string_view option, std::filesystem::file_type wanted, int mode) {
    if (path.empty())
        return;
    std::error_code ec;
    const auto found = std::filesystem::status(path, ec);
    const bool folder = wanted == std::filesystem::file_type::directory;
    std::string why;
    if (!std::filesystem::exists(found))
        why = ec ? ec.message() : "No such file or directory";
    else if (folder && found.type() != wanted)
        why = "Not a directory";
    else if (::access(path.c_str(), mode) != 0)
        why = std::strerror(errno);
    if (!why.empty())
        throw error(
            errc::usage,
            concat(
                "cannot use the ", folder ? "folder " : "file ", foreign_text(path), " of ",
                option),
            std::move(why));
}

void check_places(const push_options& options) {
    using std::filesystem::file_type;
    check_place(options.connection.auth_file, "--authfile", file_type::regular, R_OK);
    check_place(options.connection.certs_dir, "--certs-dir", file_type::directory, R_OK | X_OK);
    check_place(options.spool, "--spool", file_type::directory, W_OK | X_OK);
}

void check_level(const push_options& options) {
    try {
        (void)pipeline::make_codec(
            options.layers, options.layers == compression::none ? 0 : options.compression_level);
    } catch (error& why) {
        throw why.in("--compression-level");
    }
}

void check_memory(const push_options& options) {
    const bool zstd = options.layers == compression::zstd;
    const std::uint64_t least =
        zstd ? limits::zstd_memory_bytes_min : limits::buffer_memory_bytes_min;
    if (options.memory_bytes < least)
        throw error(
            errc::usage,
            concat("--memory must be at least ", human_bytes(least), zstd ? " for zstd" : ""));
    if (options.memory_bytes > limits::buffer_memory_bytes_max)
        throw error(
            errc::usage,
            concat(
                "--memory must be at most ", human_bytes(limits::buffer_memory_bytes_max),
                " (buffer_memory_bytes_max)"));
}

void note_interrupt(engine::run_context& run, const std::string& archive) {
    run.failed(
        error(errc::cancelled, concat("interrupted while pushing ", shown_name(archive))), {},
        archive);
}

/// Pushes one archive; false if it was interrupted. What `work` throws is in the report then.
asio::awaitable<bool>
push_one(engine::run_context& run, const std::string& archive, asio::awaitable<void> work) {
    bool interrupted = false;
    std::optional<error> broken;
    try {
        co_await std::move(work);
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            interrupted = true;
        else
            broken.emplace(errc::internal, concat("cannot push ", shown_name(archive)), e.what());
    } catch (const std::exception& e) {
        broken.emplace(errc::internal, concat("cannot push ", shown_name(archive)), e.what());
    }
    if (broken)
        run.failed(std::move(*broken), {}, archive);
    if (interrupted)
        note_interrupt(run, archive);
    co_return !interrupted;
}

asio::awaitable<void> push_all(engine::run_context& run, const std::vector<std::string>& archives) {
    for (const std::string& archive : archives) {
        engine::archive_place place = engine::default_place(run);
        auto work = engine::push_archive(run, archive, std::move(place));
        const bool go_on = co_await push_one(run, archive, std::move(work));
        if (!go_on)
            co_return;
    }
}

asio::awaitable<void>
push_source_once(engine::run_context& run, const std::string& name, byte_source& from) {
    auto work = engine::push_passing(run, name, from);
    (void)co_await push_one(run, name, std::move(work));
}

} // namespace

asio::awaitable<push_report>
engine::run_to_end(run_context& run, std::string first, asio::awaitable<void> work) {
    async::task_group reporter(run.executor);
    reporter.spawn(engine::report_progress(run));
    // A signal may have come before the event loop ran; the next co_await would throw past the end.
    const auto stop = co_await asio::this_coro::cancellation_state;
    if (stop.cancelled() == asio::cancellation_type::none)
        co_await std::move(work);
    else if (!first.empty())
        note_interrupt(run, first);
    // What follows is clean-up and is not interrupted.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    reporter.cancel();
    try {
        co_await reporter.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
    co_await run.buffers.drained();
    run.observer.on_progress(run.snapshot());
    co_return run.take_report();
}

void engine::check_options(const push_options& options) {
    engine::check_destination(options.where).value();
    check_places(options);
    check_level(options);
    if (options.jobs < 1 || options.jobs > limits::jobs_max)
        throw error(errc::usage, concat("--jobs must be 1 to ", limits::jobs_max));
    if (options.threads < 0 || options.threads > limits::threads_max)
        throw error(errc::usage, concat("--threads must be 1 to ", limits::threads_max));
    if (options.retries < 0 || options.retries > limits::retries_max)
        throw error(errc::usage, concat("--retries must be 0 to ", limits::retries_max));
    check_memory(options);
    if (options.rate_bytes_per_second != 0
        && options.rate_bytes_per_second < limits::rate_bytes_per_second_min)
        throw error(
            errc::usage, concat(
                             "--limit-rate must be at least ",
                             human_bytes(limits::rate_bytes_per_second_min), " a second"));
    for (const std::string& text : options.reuse_from)
        (void)engine::repository_of_reference(text).value();
    const std::uint64_t chunk_most = chunk_bytes_allowed(options);
    const bool chunk_is_wrong =
        options.chunk_bytes != 0
        && (options.chunk_bytes < limits::chunk_bytes_min || options.chunk_bytes > chunk_most);
    if (chunk_is_wrong)
        throw error(
            errc::usage, concat(
                             "chunks must have ", human_bytes(limits::chunk_bytes_min), " to ",
                             human_bytes(chunk_most), " with ", options.jobs,
                             " jobs that hold one each (--chunk-size, --jobs, --memory)"));
    if (options.format == manifest_format::docker && options.layers == compression::zstd)
        throw error(errc::usage, "zstd layers need OCI manifests: leave out --format docker");
}

asio::awaitable<push_report> engine::push_source(
    std::string name,
    byte_source& from,
    push_options options,
    progress_observer& observer,
    async::cpu_pool& workers) {
    check_options(options);
    const auto executor = co_await asio::this_coro::executor;
    run_context run(executor, std::move(options), observer, &workers);
    run.totals.archives_total = 1;
    auto work = push_source_once(run, name, from);
    co_return co_await engine::run_to_end(run, name, std::move(work));
}

int push_report::exit_code() const {
    if (failures.empty())
        return 0;
    for (const failure_event& failure : failures)
        if (failure.what.code() == errc::cancelled)
            return exit_code_of(error_class::interrupted);
    return images.empty() ? exit_code_of(class_of(failures.front().what.code())) : 7;
}

asio::awaitable<push_report>
push(std::vector<std::string> archives, push_options options, progress_observer& observer) {
    engine::check_options(options);
    const auto executor = co_await asio::this_coro::executor;
    engine::run_context run(executor, std::move(options), observer);
    run.totals.archives_total = archives.size();
    const std::string first = archives.empty() ? std::string() : archives.front();
    auto work = push_all(run, archives);
    co_return co_await engine::run_to_end(run, first, std::move(work));
}

push_report push_blocking(
    std::vector<std::string> archives, const push_options& options, progress_observer& observer) {
    asio::io_context io{1};
    std::optional<push_report> report;
    std::exception_ptr failed;
    auto on_end = [&](std::exception_ptr e, push_report r) {
        failed = e;
        report = std::move(r);
    };
    asio::co_spawn(io, push(std::move(archives), options, observer), on_end);
    io.run();
    if (failed)
        std::rethrow_exception(failed);
    return std::move(*report);
}

} // namespace tarpon
