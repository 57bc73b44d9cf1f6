// The embedded registry on a port of its own, and a client for it, in a test's io_context.
#pragma once

#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "transport/http_client.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tarpon::test {

/// A connection whose bytes are the test's own.
class raw_connection {
public:
    explicit raw_connection(boost::asio::io_context& io)
        : socket_(io) {}
    boost::asio::awaitable<void> connect(std::uint16_t port);
    /// Returns false if the other side is gone.
    boost::asio::awaitable<bool> send(std::string_view bytes);
    /// Everything until the other side closes, or resets.
    boost::asio::awaitable<std::string> read_all();
    /// Until `mark` has come.
    boost::asio::awaitable<std::string> read_until(std::string_view mark);
    void close();

private:
    boost::asio::ip::tcp::socket socket_;
};

class running_registry {
public:
    explicit running_registry(boost::asio::io_context& io);
    /// Stops the server; the io_context runs until it has ended.
    ~running_registry();
    running_registry(const running_registry&) = delete;
    running_registry& operator=(const running_registry&) = delete;

    /// Until it listens.
    boost::asio::awaitable<void> ready();

    boost::asio::awaitable<transport::http_response> send(
        std::string method,
        std::string target,
        std::string body = std::string(),
        header_list headers = header_list());
    /// The same with a chunked body.
    boost::asio::awaitable<transport::http_response>
    send_chunked(std::string method, std::string target, std::string body);
    /// The bytes on a connection of their own, and all that comes back.
    boost::asio::awaitable<std::string> exchange(std::string bytes);
    /// POST that opens a session; its Location.
    boost::asio::awaitable<std::string> begin(std::string repository);
    /// POST and PUT of a whole blob.
    boost::asio::awaitable<void> push(std::string repository, std::string content);

    boost::asio::io_context& io() const noexcept { return io_; }
    const temp_dir& storage() const noexcept { return storage_; }
    std::uint16_t port() const;

private:
    struct server_state {
        boost::asio::cancellation_signal stop;
        std::string address;
        std::exception_ptr failed;
    };

    boost::asio::io_context& io_;
    temp_dir storage_;
    std::shared_ptr<server_state> state_ = std::make_shared<server_state>();
    transport::http_client client_;
};

/// Runs `test` with a registry of its own.
void with_registry(std::function<boost::asio::awaitable<void>(running_registry&)> test);

// Headers, by name: braces in a co_await expression are not possible.
header_list content_range(std::uint64_t first, std::uint64_t last);
header_list one_header(std::string name, std::string value);

/// How often `part` is in `text`.
std::size_t count(std::string_view text, std::string_view part);

} // namespace tarpon::test
