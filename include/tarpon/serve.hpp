// The server: a page and PUT /push for archives, and behind them the embedded registry (a folder,
// served as an OCI registry), or another registry that everything is forwarded to.
#pragma once

#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tarpon {

struct serve_options {
    std::string listen = "127.0.0.1:8080"; ///< ADDR:PORT; port 0 lets the system choose
    /// Folder of the embedded registry. Not used with `registry`.
    std::string storage = "./tarpon-registry";
    /// HOST[:PORT][/PREFIX] that archives are pushed into; empty: the embedded registry.
    std::string registry;
    /// For `registry`; what it holds is never in an answer.
    connection_options connection;
    int threads = 0; ///< workers for hashing and disk; 0: as many as there are processors
    /// Most bytes of an archive that PUT /push takes; 0: no bound.
    std::uint64_t upload_bytes_max = 0;
    /// PEM: certificate chain and key; both or neither. With them TLS is spoken, and nothing else.
    /// They are read again when they change.
    std::string tls_cert, tls_key;
    /// File of users and bcrypt hashes, as `htpasswd -B` writes it: with it everything but the
    /// page's own files and /healthz needs a login, pulls too. It is read again when it changes.
    std::string htpasswd;
    /// ADDRESS or ADDRESS/BITS of the clients that may push and delete; empty: all.
    std::vector<std::string> allow_push;
    /// Without a password file only loopback addresses can be listened on, unless this is set.
    bool allow_anonymous = false;
    /// Host names, besides those of loopback, under which clients may know this server. Beyond
    /// loopback addresses always do, and with a password file any name while this is empty.
    std::vector<std::string> hosts;
    /// At most between two collections of what nobody needs in the embedded registry; 0: never.
    std::chrono::seconds collect_every{std::chrono::hours(1)};
    /// What was pushed, mounted or asked for by a push within this time is not collected. Longer
    /// than a push may pause between its uploads; 0 only while nobody pushes.
    std::chrono::seconds collect_grace{std::chrono::hours(1)};
    /// Also collect manifests that never had a tag, or lost it to another image.
    bool collect_untagged = false;
    /// A file to which a line of JSON is appended for every request; "-": standard output; empty:
    /// none. It is made anew when it was moved away.
    std::string access_log;
    /// How long requests under way, archives among them, may go on once the server is told to stop.
    std::chrono::seconds stop_time{10};
};

/// What happens in a server. Called on the serving thread; must return soon and not throw.
struct serve_events {
    std::function<void(const std::string& address)> listening; ///< "127.0.0.1:40123"
    std::function<void(log_level, const std::string&)> log;
};

/// Serves until it is cancelled (terminal). Then begins no further push, closes idle connections
/// and finishes what is under way; after `stop_time` it interrupts pushes and gives them a few
/// seconds to clean up. Meanwhile /healthz answers 503.
///
/// The folder is an OCI image layout: skopeo and others read it directly while nobody writes.
/// Errors: errc::usage (address, folder, password file, certificate or key cannot be used; an
/// address beyond loopback with neither `htpasswd` nor `allow_anonymous`), errc::storage. Source:
/// distribution-spec v1.1; image-spec v1.1 "Image Layout".
boost::asio::awaitable<void> serve(serve_options options, serve_events events);

} // namespace tarpon
