// The TLS side of connections: what is trusted, and whose name the certificate must bear.
#pragma once

#include "transport/url.hpp"

#include <tarpon/error.hpp>
#include <tarpon/options.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>

namespace tarpon::transport {

using tls_stream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

/// TLS 1.2 and newer, the system's authorities (SSL_CERT_FILE and SSL_CERT_DIR are honoured) and
/// `options.ca_file`. Throws errc::transport_tls when the file cannot be used.
std::shared_ptr<boost::asio::ssl::context> make_client_context(const connection_options& options);

/// Sets SNI (not for IP literals), ALPN, and the check that the certificate is for `peer`.
void prepare_handshake(tls_stream& stream, const origin& peer, bool verify);

/// What a failed handshake means, in words, with a hint where one is known to help.
error handshake_error(const boost::system::error_code& ec, tls_stream& stream, const origin& peer);

/// Did the other side answer the handshake in plain HTTP?
bool peer_spoke_plain(const boost::system::error_code& ec);

} // namespace tarpon::transport
