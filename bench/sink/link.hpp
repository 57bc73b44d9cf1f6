// The server's end of a connection, plain or TLS, shaped like a slow or unreliable one.
#pragma once

#include "sink/options.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string_view>

namespace tarpon::sink {

/// The link is gone: closed by the client, or reset by us.
struct link_closed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class shaped_link {
public:
    using socket_type = boost::asio::ip::tcp::socket;

    /// Does the TLS handshake where `tls` is given. Throws link_closed.
    shaped_link(
        socket_type socket,
        boost::asio::ssl::context* tls,
        const sink_options& shape,
        std::uint64_t number);

    /// At least one byte. Throws link_closed at the end of the stream.
    std::size_t read_some(std::span<char> into);
    /// Reads and drops exactly `count` bytes; on a plain socket the kernel does not even copy them,
    /// because the processor of a far end is not the client's to pay for.
    void drop(std::uint64_t count);
    void write(std::string_view text);

    /// Bytes of a body have come: waits as long as the rate asks, resets the connection when its
    /// time has come.
    void body_came(std::uint64_t count);
    void wait_before_answer();

private:
    void reset();
    std::size_t drop_some(std::size_t count);

    const sink_options& shape_;
    std::optional<socket_type> plain_;
    std::optional<boost::asio::ssl::stream<socket_type>> tls_;
    std::chrono::steady_clock::time_point free_at_{};
    std::uint64_t bytes_until_reset_ = 0;
};

} // namespace tarpon::sink
