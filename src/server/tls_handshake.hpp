// The first bytes of a connection where TLS is spoken.
#pragma once

#include "transport/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace tarpon::server {

/// The server's side of the handshake. false: there is none, and the stream is closed; whoever
/// speaks plain HTTP is told so. Throws only when cancelled.
boost::asio::awaitable<bool>
shake_hands(transport::stream& stream, std::chrono::steady_clock::duration time_max);

} // namespace tarpon::server
