// Under which name a client is counted. Pure.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <string>

namespace tarpon::server {

/// An IPv4 address (an IPv4-mapped one too), or the /64 network of IPv6, which is what one machine
/// has.
std::string client_name(const boost::asio::ip::address& client);

} // namespace tarpon::server
