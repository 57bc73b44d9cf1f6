// A tunnel through an HTTP proxy: CONNECT, and what its answers mean.
#pragma once

#include "transport/proxy.hpp"
#include "transport/stream.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::transport {

/// Asks the proxy at the other end of `link` to pass bytes on to `to`. Afterwards `link` speaks to
/// `to`. Throws errc::transport_connect (refused; says what the proxy said), transport_timeout.
boost::asio::awaitable<void> open_tunnel(stream& link, const proxy& via, const origin& to);

} // namespace tarpon::transport
