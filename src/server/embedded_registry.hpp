// The embedded registry: its folder, its stores, the API over them, and index.json kept up to date.
#pragma once

#include "async/run_on.hpp"
#include "server/registry_api.hpp"

#include <tarpon/progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <string>

namespace tarpon::server {

class embedded_registry {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    /// Opens the folder and locks it against a second server. Throws errc::usage.
    embedded_registry(
        boost::asio::any_io_executor executor,
        const std::string& storage,
        async::cpu_pool& workers,
        log_function log);

    registry_api& api() noexcept { return api_; }

    /// Writes index.json a moment after tags changed: one write for many tags. Until cancelled.
    boost::asio::awaitable<void> keep_index();
    /// Writes it now, if it has to be.
    boost::asio::awaitable<void> write_index();

private:
    async::cpu_pool& workers_;
    log_function log_;
    folder root_;
    blob_store blobs_;
    upload_store uploads_;
    manifest_store manifests_;
    registry_api api_;
    boost::asio::steady_timer index_timer_;
    bool index_wanted_ = false;
};

} // namespace tarpon::server
