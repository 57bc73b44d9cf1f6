// What can be wrong with the options of a server before it does anything.
#pragma once

#include "transport/address_block.hpp"

#include <tarpon/serve.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <vector>

namespace tarpon::server {

/// ADDRESS:PORT, as --listen takes it. Throws errc::usage.
boost::asio::ip::tcp::endpoint parse_listen(const std::string& address);
/// The same the other way round; IPv6 in brackets.
std::string shown(const boost::asio::ip::tcp::endpoint& at);

/// One network of --allow-push. Throws errc::usage.
transport::address_block parse_push_network(const std::string& text);

/// Throws errc::usage for what does not go together, or is open to more than was said. Returns what
/// is allowed but worth a warning. Files are not looked at.
std::vector<std::string>
check(const serve_options& options, const boost::asio::ip::tcp::endpoint& at);

} // namespace tarpon::server
