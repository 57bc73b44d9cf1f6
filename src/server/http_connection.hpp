// One client's connection, plain or TLS: requests in, responses out, until one side has had enough.
#pragma once

#include "async/run_on.hpp"
#include "server/http_types.hpp"
#include "transport/stream.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>

namespace tarpon::server {

/// How long a client may take.
struct connection_times {
    std::chrono::milliseconds handshake = limits::tls_handshake_time_max;
    std::chrono::milliseconds head = limits::request_header_time_max; ///< once it has begun
    std::chrono::milliseconds idle = limits::server_idle_time_max;    ///< no byte moves
};

class http_connection {
public:
    http_connection(
        transport::stream stream, async::cpu_pool& workers, connection_times times = {});

    /// Serves until the connection ends; TLS begins with its handshake. Throws only when cancelled.
    boost::asio::awaitable<void> run(const request_handler& handle);

    /// Closes at once when idle, else after the response under way.
    void stop();

private:
    enum class next_step { request, close };
    class answer_stream;

    boost::asio::awaitable<std::size_t> read_head();
    boost::asio::awaitable<next_step>
    serve_one(const request_handler& handle, std::size_t head_bytes);
    boost::asio::awaitable<bool>
    write(const server_response& response, bool head_only, bool keep_alive);
    boost::asio::awaitable<bool> write_text(std::string text);
    boost::asio::awaitable<bool> write_file(const server_response& response);
    boost::asio::awaitable<void> refuse(unsigned status, std::string_view why);
    boost::asio::awaitable<void> part_gently();
    boost::asio::awaitable<void> say_goodbye();

    transport::stream stream_;
    boost::asio::ip::address client_;
    async::cpu_pool& workers_;
    const connection_times times_;
    boost::beast::flat_buffer received_;
    bool busy_ = false;
    bool stopping_ = false;
    bool said_goodbye_ = false;
};

} // namespace tarpon::server
