// The TLS side of connections: what is trusted, who we are, and whose name the certificate bears.
#pragma once

#include "transport/url.hpp"

#include <tarpon/error.hpp>
#include <tarpon/options.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <map>
#include <memory>
#include <optional>

namespace tarpon::transport {

using tls_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;
/// TLS to a server inside TLS to a proxy.
using tunnelled_tls_stream = boost::asio::ssl::stream<tls_stream>;

/// Settings and sessions for every server of a run. One thread.
///
/// TLS 1.2 and newer; the system's authorities (SSL_CERT_FILE and SSL_CERT_DIR are honoured),
/// `ca_file`, and certs.d folders; client certificates from options or certs.d. A server's last
/// session is offered to it again, so further connections need no full handshake.
class tls_client {
public:
    /// Throws errc::transport_tls or errc::usage when a file cannot be used.
    explicit tls_client(const connection_options& options);
    tls_client(const tls_client&) = delete;
    tls_client& operator=(const tls_client&) = delete;
    ~tls_client();

    /// For a stream to `peer`. Throws as the constructor, about files of certs.d.
    boost::asio::ssl::context& context_for(const origin& peer);

    /// Sets SNI (not for IP literals), ALPN, the name the certificate must bear, and the session to
    /// resume. `handle` is of a stream made with context_for(peer).
    void prepare(SSL* handle, const origin& peer);

private:
    struct session_slot;
    static int keep_session(SSL* handle, SSL_SESSION* session);

    std::shared_ptr<boost::asio::ssl::context> make_context() const;

    connection_options options_;
    std::shared_ptr<boost::asio::ssl::context> usual_;
    std::map<origin, std::shared_ptr<boost::asio::ssl::context>> of_host_;
    std::map<origin, std::unique_ptr<session_slot>> sessions_;
};

/// What a failed handshake means, in words, with a hint where one is known to help.
error handshake_error(const boost::system::error_code& ec, SSL* handle, const origin& peer);

/// A server that wants our certificate says so only after the handshake (TLS 1.3), when the first
/// answer is read. nullopt: `ec` is something else.
std::optional<error> certificate_demand(const boost::system::error_code& ec, const origin& peer);

/// Did the other side answer the handshake in plain HTTP?
bool peer_spoke_plain(const boost::system::error_code& ec);

} // namespace tarpon::transport
