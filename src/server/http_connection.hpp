// One client's connection, plain or TLS: requests in, responses out, until one side has had enough.
#pragma once

#include "async/run_on.hpp"
#include "server/http_types.hpp"
#include "server/request_record.hpp"
#include "transport/stream.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <functional>

namespace tarpon::server {

/// How long a client may take.
struct connection_times {
    std::chrono::milliseconds handshake = limits::tls_handshake_time_max;
    std::chrono::milliseconds head = limits::request_header_time_max; ///< once it has begun
    std::chrono::milliseconds idle = limits::server_idle_time_max;    ///< no byte moves
    /// Of a body, for every `idle` of waiting for it.
    std::uint64_t body_bytes_min = limits::server_body_bytes_min;
};

class http_connection {
public:
    http_connection(
        transport::stream stream, async::cpu_pool& workers, connection_times times = {});

    /// Called after each request, however it ended; must not throw.
    std::function<void(const request_record&)> on_served;

    /// Serves until the connection ends; TLS begins with its handshake. Throws only when cancelled.
    boost::asio::awaitable<void> run(const request_handler& handle);

    /// Closes at once when no request has been read, else after the response under way.
    void stop();
    /// The next request, or the one under way, is the last.
    void serve_one_more() noexcept { stopping_ = true; }
    /// A request is being answered.
    bool busy() const noexcept { return busy_; }
    /// Since when it waits for the first byte of a request; nullopt when it does not.
    std::optional<std::chrono::steady_clock::time_point> idle_since() const noexcept;

private:
    enum class next_step { request, close };
    class answer_stream;
    struct report_at_end;

    boost::asio::awaitable<std::size_t> read_head();
    boost::asio::awaitable<next_step>
    serve_one(const request_handler& handle, std::size_t head_bytes);
    boost::asio::awaitable<bool>
    write(const server_response& response, bool head_only, bool keep_alive);
    boost::asio::awaitable<bool> write_text(std::string text, std::string_view more = {});
    boost::asio::awaitable<bool> write_file(const server_response& response);
    boost::asio::awaitable<void> refuse(unsigned status, std::string_view why);
    boost::asio::awaitable<void> part_gently();
    boost::asio::awaitable<void> say_goodbye();

    transport::stream stream_;
    boost::asio::ip::address client_;
    async::cpu_pool& workers_;
    const connection_times times_;
    boost::beast::flat_buffer received_;
    request_record now_; ///< the request under way
    std::chrono::steady_clock::time_point waiting_since_ = std::chrono::steady_clock::now();
    bool first_ = true;
    bool busy_ = false;
    bool stopping_ = false;
    bool parting_ = false; ///< the answer is out; only what the client still sends is read
    bool said_goodbye_ = false;
};

} // namespace tarpon::server
