// Logging in: check credentials against a registry, and keep them where docker keeps its own.
#pragma once

#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon {

struct login_report {
    std::string host;     ///< "docker.io", "localhost:5000"
    std::string username; ///< who is logged in now
    std::string stored;   ///< "helper pass" or the path of a file; empty: nothing was stored
};

/// Sends `options.username` and `options.password` to the registry at `host`; if it lets them in,
/// stores them in `options.auth_file`, or else in docker's config.json, through the helper that is
/// configured there.
///
/// Errors:   errc::usage (no user name, a file that cannot be used), errc::registry_unauthorized,
///           and everything that can go wrong with the first request.
/// Lifetime: `observer` must outlive the awaitable. The executor must be one thread's.
/// Cancel:   terminal; nothing is stored then.
/// Source:   docker CLI, "docker login"; docker-credential-helpers.
boost::asio::awaitable<login_report>
login(std::string host, connection_options options, progress_observer& observer);

/// Forgets what `login` stored. Blocking, asks no registry. `stored` in the report is where the
/// credentials were; empty when there were none. Errors: errc::usage, registry_unauthorized (a
/// helper failed).
login_report logout(std::string host, const connection_options& options);

} // namespace tarpon
