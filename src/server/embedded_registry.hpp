// The embedded registry: its folder, its stores, the API over them; index.json kept up to date, and
// what nobody needs removed in the background.
#pragma once

#include "async/run_on.hpp"
#include "server/collector.hpp"
#include "server/registry_api.hpp"

#include <tarpon/progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <string>

namespace tarpon::server {

struct embedded_rules {
    collector_rules collect;
    /// Between two collections at most; 0: none ever.
    std::chrono::seconds collect_every{std::chrono::hours(1)};
};

class embedded_registry {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    /// Opens the folder and locks it against a second server. Throws errc::usage.
    embedded_registry(
        boost::asio::any_io_executor executor,
        const std::string& storage,
        async::cpu_pool& workers,
        log_function log,
        embedded_rules rules);

    registry_api& api() noexcept { return api_; }
    std::size_t upload_sessions() const { return uploads_.sessions(); }

    /// Writes index.json a moment after tags changed: one write for many tags. Until cancelled.
    boost::asio::awaitable<void> keep_index();
    /// Writes it now, if it has to be.
    boost::asio::awaitable<void> write_index();
    /// Collects at the start, soon after deletes, when something becomes old enough, and every now
    /// and then. Until cancelled; a collection under way ends at its next step.
    boost::asio::awaitable<void> keep_clean();

private:
    boost::asio::awaitable<void> wait_for_garbage(collection last);
    boost::asio::awaitable<collection> collect();

    async::cpu_pool& workers_;
    const log_function log_;
    const embedded_rules rules_;
    folder root_;
    blob_store blobs_;
    upload_store uploads_;
    manifest_store manifests_;
    registry_api api_;
    boost::asio::steady_timer index_timer_;
    bool index_wanted_ = false;
    collector collector_;
    /// Of its own, so that a long collection keeps no request waiting for a worker.
    async::cpu_pool collector_thread_{1};
    boost::asio::steady_timer collector_timer_;
    bool collection_wanted_ = true;
    std::atomic<bool> stop_collecting_ = false;
};

} // namespace tarpon::server
