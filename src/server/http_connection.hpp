// One client's connection: requests in, responses out, until one side has had enough.
#pragma once

#include "async/run_on.hpp"
#include "server/http_types.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

namespace tarpon::server {

class http_connection {
public:
    http_connection(boost::asio::ip::tcp::socket socket, async::cpu_pool& workers);

    /// Serves until the connection ends. Throws only when cancelled.
    boost::asio::awaitable<void> run(const request_handler& handle);

    /// Closes at once when idle, else after the response under way.
    void stop();

private:
    enum class next_step { request, close };

    boost::asio::awaitable<std::size_t> read_head();
    boost::asio::awaitable<next_step>
    serve_one(const request_handler& handle, std::size_t head_bytes);
    boost::asio::awaitable<bool>
    write(const server_response& response, bool head_only, bool keep_alive);
    boost::asio::awaitable<bool> write_text(std::string text);
    boost::asio::awaitable<bool> write_file(const server_response& response);
    boost::asio::awaitable<void> refuse(unsigned status, std::string_view why);
    boost::asio::awaitable<void> part_gently();

    boost::asio::ip::tcp::socket socket_;
    async::cpu_pool& workers_;
    boost::beast::flat_buffer received_;
    bool busy_ = false;
    bool stopping_ = false;
};

} // namespace tarpon::server
