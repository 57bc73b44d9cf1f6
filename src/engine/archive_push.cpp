// Which way an archive goes: a plain tar that can seek is indexed and planned; everything else is
// read once, or copied to a spool file first when the user asks for it.
#include "engine/archive_push.hpp"

#include "archive/archive_file.hpp"
#include "archive/file_range_source.hpp"
#include "archive/pipe_source.hpp"
#include "engine/plan_execution.hpp"
#include "engine/read_once.hpp"
#include "engine/spool.hpp"
#include "engine/stream_push.hpp"
#include "model/standard_input.hpp"
#include "model/text.hpp"

#include <new>

namespace tarpon::engine {

namespace asio = boost::asio;
using archive::archive_contents;
using archive::archive_file;

namespace {

/// Plans what the archive has, and does it; a dry run only tells. `contents` are the file's.
asio::awaitable<void> push_planned(
    run_context& run,
    const std::string& name,
    const archive_file& file,
    const archive_contents& contents,
    const archive_place& place) {
    file_supply supply(run, file, contents);
    target_list targets = place.find_targets(contents);
    co_await execute_plan(run, name, contents, supply, std::move(targets));
}

asio::awaitable<void> push_indexed(
    run_context& run,
    const std::string& name,
    const archive_file& file,
    const archive_place& place) {
    auto index = [&file] {
        return file.index().value();
    };
    const archive_contents contents = co_await async::run_on(run.workers.get_executor(), index);
    co_await push_planned(run, name, file, contents, place);
}

asio::awaitable<void> push_once_through(
    run_context& run, const std::string& name, byte_source& from, const archive_place& place) {
    if (run.options.dry_run && run.options.spool.empty())
        throw error(
            errc::usage,
            concat("a dry run cannot tell what of ", shown_name(name), " would be sent"),
            "it can be read only once", "save the archive to a plain tar file, or use --spool DIR");
    if (run.options.spool.empty()) {
        co_await push_stream(run, name, from, place);
        co_return;
    }
    const archive_file spooled = co_await spool_archive(run, name, from);
    co_await push_indexed(run, name, spooled, place);
}

asio::awaitable<void> look_through(
    run_context& run,
    const std::string& name,
    const archive_file& file,
    byte_source& packed,
    const archive_place& place) {
    const passed_archive passed = co_await read_once(packed, run.workers);
    co_await push_planned(run, name, file, passed.contents, place); // no blob of it is opened
}

asio::awaitable<void> push_input(
    run_context& run,
    const std::string& name,
    const archive_file& file,
    const archive_place& place) {
    if (!file.whole()) {
        archive::pipe_source pipe(run.executor, file.fd());
        co_await push_once_through(run, name, pipe, place);
        co_return;
    }
    auto sniff = [&file] {
        return file.sniff().value();
    };
    const archive::encoding kind = co_await async::run_on(run.workers.get_executor(), sniff);
    if (kind == archive::encoding::tar) {
        // Nothing is written to disk for standard input, whatever it is connected to.
        if (name != "-")
            co_await run.open_memory();
        co_await push_indexed(run, name, file, place);
        co_return;
    }
    archive::file_range_source packed(file, 0, file.size(), run.workers);
    if (place.look_only)
        co_await look_through(run, name, file, packed, place);
    else
        co_await push_once_through(run, name, packed, place);
}

asio::awaitable<void>
open_and_push(run_context& run, const std::string& name, const archive_place& place) {
    auto open = [&name] {
        return archive_file::open_input(name, "tarpon push - --to REFERENCE");
    };
    const archive_file file = co_await async::run_on(run.workers.get_executor(), open);
    co_await push_input(run, name, file, place);
}

/// What is wrong with one archive is reported, and does not stop the others.
asio::awaitable<void>
report_failure(run_context& run, const std::string& name, asio::awaitable<void> work) {
    std::optional<error> failed;
    try {
        co_await std::move(work);
    } catch (const error& e) {
        failed = e;
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        failed.emplace(errc::internal, "this is a bug in tarpon", e.what());
    } catch (const std::bad_alloc&) {
        failed.emplace(
            errc::storage, "the system has no more memory for this process", std::string(),
            "a smaller --memory, or a higher limit of the shell (ulimit -v), container or job");
    } catch (const std::exception& e) {
        failed.emplace(errc::internal, "this is a bug in tarpon", e.what());
    }
    if (failed)
        run.failed(of_archive(std::move(*failed), name), {}, name);
    ++run.totals.archives_done;
}

} // namespace

error of_archive(error what, const std::string& name) {
    what.in(concat(
        class_of(what.code()) == error_class::archive ? "cannot read " : "cannot push ",
        shown_name(name)));
    return what;
}

archive_place default_place(const run_context& run) {
    const destination& where = run.options.where;
    auto find = [&where](const archive_contents& contents) {
        return find_targets(contents, where).value();
    };
    return {where, find};
}

asio::awaitable<void> push_archive(run_context& run, std::string name, archive_place place) {
    auto work = open_and_push(run, name, place);
    co_await report_failure(run, name, std::move(work));
}

asio::awaitable<void> push_passing(run_context& run, std::string name, byte_source& from) {
    const archive_place place = default_place(run);
    auto work = push_once_through(run, name, from, place);
    co_await report_failure(run, name, std::move(work));
}

} // namespace tarpon::engine
