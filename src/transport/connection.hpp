// One connection to an origin, and how it is made: resolve, try each address, through a proxy if
// one is set, TLS handshake.
#pragma once

#include "transport/proxy.hpp"
#include "transport/rate_limiter.hpp"
#include "transport/stream.hpp"
#include "transport/tls.hpp"
#include "transport/unsent_bound.hpp"
#include "transport/url.hpp"

#include <tarpon/options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tarpon::transport {

struct connection {
    connection(stream connected, origin at)
        : link(std::move(connected))
        , peer(std::move(at))
        , unsent(link.socket()) {}

    stream link;
    origin peer;
    /// Requests go to this proxy, with their whole URL; nullptr: straight or through a tunnel.
    /// Lives as long as the dialer.
    const proxy* forwarded_by = nullptr;
    /// Bytes read past the last response. Bounded: before Boost 1.91 a chunk line is not.
    boost::beast::flat_buffer received{2 * limits::response_header_bytes_max};
    std::chrono::steady_clock::time_point idle_since{};
    std::uint64_t exchanges = 0;
    std::chrono::steady_clock::duration idle_time = limits::idle_time_max;
    std::chrono::steady_clock::duration commit_time = limits::commit_time_max;
    /// Bodies keep to it; nullptr: no bound. Outlives the exchange.
    rate_limiter* pace = nullptr;
    /// Streamed bodies under way on all connections, this one's among them; nullptr: nobody counts
    /// them. Outlives the exchange.
    const std::size_t* bodies = nullptr;
    unsent_bound unsent;
};

/// Makes connections. One for a run: it remembers addresses, so a name is resolved once.
class dialer {
public:
    dialer(boost::asio::any_io_executor executor, const connection_options& options);

    /// Throws `error`: errc::transport_resolve, transport_connect (also when a proxy refuses),
    /// transport_timeout (no address answered within limits::connect_time_max each),
    /// transport_tls.
    boost::asio::awaitable<std::unique_ptr<connection>> dial(origin to);

private:
    using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

    boost::asio::awaitable<endpoints> resolve(const origin& to);
    boost::asio::awaitable<boost::asio::ip::tcp::socket> connect(const origin& to);
    /// TLS on top of what there is, plain or the TLS of a proxy.
    boost::asio::awaitable<stream> secure(stream over, const origin& to);

    boost::asio::any_io_executor executor_;
    proxy_rules proxies_;
    tls_client tls_;
    std::map<std::string, endpoints> resolved_;
    std::chrono::steady_clock::duration idle_time_;
    std::chrono::steady_clock::duration commit_time_;
};

} // namespace tarpon::transport
