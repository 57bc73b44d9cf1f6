// See embedded_registry.hpp.
#include "server/embedded_registry.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds index_delay{200}; // between a tag and index.json
constexpr std::chrono::seconds collect_delay{1};      // between a delete and a collection

folder open_storage(const std::string& path) {
    try {
        folder root(path);
        if (!root.try_lock(".lock"))
            throw error(
                errc::usage,
                concat("cannot use the storage ", path, ": another process serves it"));
        root.remove_temporaries();
        return root;
    } catch (const error& e) {
        if (e.code() != errc::storage)
            throw;
        throw error(errc::usage, concat("cannot use the storage ", path), e.cause());
    }
}

} // namespace

embedded_registry::embedded_registry(
    asio::any_io_executor executor,
    const std::string& storage,
    async::cpu_pool& workers,
    log_function log,
    embedded_rules rules)
    : workers_(workers)
    , log_(std::move(log))
    , rules_(rules)
    , root_(open_storage(storage))
    , blobs_(root_)
    , uploads_(root_, blobs_)
    , manifests_(root_, blobs_)
    , api_(executor, blobs_, uploads_, manifests_, workers_)
    , index_timer_(executor)
    , collector_(root_, blobs_, manifests_, uploads_, rules_.collect)
    , collector_timer_(executor) {
    if (!uploads_.knows_boot())
        log_(
            log_level::warn, "unfinished uploads will begin anew after a restart of the server: "
                             "/proc/sys/kernel/random/boot_id cannot be read");
    api_.on_tag = [this] {
        index_wanted_ = true;
        index_timer_.cancel();
    };
    api_.on_delete = [this] {
        collection_wanted_ = true;
        collector_timer_.cancel();
    };
}

asio::awaitable<void> embedded_registry::write_index() {
    auto write = [this] {
        manifests_.write_index();
    };
    std::optional<error> failed;
    try {
        co_await async::run_on(workers_.get_executor(), write);
    } catch (const error& e) {
        failed = e;
    }
    // It is derived from the tags and rebuilt at the next start: pushes go on.
    if (failed)
        log_(log_level::error, failed->one_line());
}

asio::awaitable<void> embedded_registry::keep_index() {
    while (true) {
        while (!index_wanted_) {
            index_timer_.expires_at(asio::steady_timer::time_point::max());
            (void)co_await index_timer_.async_wait(async::nothrow); // ended by on_tag
            co_await async::throw_if_stopped();
        }
        index_timer_.expires_after(index_delay);
        (void)co_await index_timer_.async_wait(async::nothrow);
        co_await async::throw_if_stopped();
        index_wanted_ = false;
        co_await write_index();
    }
}

/// A failed collection removes nothing more, and is tried again later.
asio::awaitable<collection> embedded_registry::collect() {
    collection done;
    std::optional<error> failed;
    bool ended = false;
    auto work = [this, &done, &failed] {
        try {
            done = collector_.run(stop_collecting_);
        } catch (const error& e) {
            failed = e;
        } catch (const std::exception& e) {
            failed = error(errc::internal, "nothing is collected", foreign_text(e.what()));
        }
    };
    asio::steady_timer at_end(index_timer_.get_executor(), asio::steady_timer::time_point::max());
    auto on_end = [&ended, &at_end](auto) {
        ended = true;
        at_end.cancel();
    };
    async::submit(collector_thread_.get_executor(), at_end.get_executor(), work, on_end);
    while (!ended) {
        (void)co_await at_end.async_wait(async::nothrow);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            stop_collecting_ = true; // and wait, for the work uses what is here
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        }
    }
    if (failed)
        log_(log_level::error, failed->one_line());
    if (done.manifests > 0 || done.blobs > 0)
        log_(
            log_level::info, concat(
                                 "collected: ", counted(done.manifests, "manifest"), ", ",
                                 counted(done.blobs, "blob"), " of ", human_bytes(done.bytes)));
    co_return done;
}

asio::awaitable<void> embedded_registry::wait_for_garbage(collection last) {
    auto pause = rules_.collect_every;
    if (last.next) {
        const auto due =
            std::chrono::ceil<std::chrono::seconds>(*last.next - std::chrono::system_clock::now());
        pause = std::clamp(due, collect_delay, pause);
    }
    if (!collection_wanted_) {
        collector_timer_.expires_after(pause);
        (void)co_await collector_timer_.async_wait(async::nothrow);
        co_await async::throw_if_stopped();
    }
    if (!std::exchange(collection_wanted_, false))
        co_return;
    // There may be more deletes coming.
    collector_timer_.expires_after(collect_delay);
    (void)co_await collector_timer_.async_wait(async::nothrow);
    co_await async::throw_if_stopped();
    collection_wanted_ = false;
}

asio::awaitable<void> embedded_registry::keep_clean() {
    if (rules_.collect_every.count() == 0)
        co_return;
    collection last;
    while (!stop_collecting_) {
        co_await wait_for_garbage(last);
        last = co_await collect();
    }
}

} // namespace tarpon::server
