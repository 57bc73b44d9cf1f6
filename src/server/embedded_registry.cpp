// See embedded_registry.hpp.
#include "server/embedded_registry.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"

#include <optional>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds index_delay{200}; // between a tag and index.json

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
    log_function log)
    : workers_(workers)
    , log_(std::move(log))
    , root_(open_storage(storage))
    , blobs_(root_)
    , uploads_(root_, blobs_)
    , manifests_(root_, blobs_)
    , api_(blobs_, uploads_, manifests_, workers_)
    , index_timer_(executor) {
    api_.on_tag = [this] {
        index_wanted_ = true;
        index_timer_.cancel();
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
        log_(log_level::error, concat(failed->message(), ": ", failed->cause()));
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

} // namespace tarpon::server
