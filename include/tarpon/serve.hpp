// The embedded registry: a folder, served as an OCI registry.
#pragma once

#include <tarpon/progress.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace tarpon {

struct serve_options {
    std::string listen = "127.0.0.1:8080"; ///< ADDR:PORT; port 0 lets the system choose
    std::string storage = "./tarpon-registry";
    int threads = 0; ///< workers for hashing and disk; 0: as many as there are processors
};

/// What happens in a server. Called on the serving thread; must return soon and not throw.
struct serve_events {
    std::function<void(const std::string& address)> listening; ///< "127.0.0.1:40123"
    std::function<void(log_level, const std::string&)> log;
};

/// Serves until it is cancelled (terminal), then lets requests under way finish for a few seconds.
///
/// The folder is an OCI image layout: skopeo and others read it directly while nobody writes.
/// Errors: errc::usage (address or folder cannot be used, or are in use), errc::storage.
/// Source: distribution-spec v1.1; image-spec v1.1 "Image Layout".
boost::asio::awaitable<void> serve(serve_options options, serve_events events);

} // namespace tarpon
