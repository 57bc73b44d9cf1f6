// See tls_handshake.hpp.
#include "server/tls_handshake.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"

#include <boost/asio/write.hpp>

#include <string_view>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

constexpr std::string_view not_plain = "HTTP/1.1 400 Bad Request\r\n"
                                       "Content-Type: text/plain; charset=utf-8\r\n"
                                       "Content-Length: 35\r\n"
                                       "Connection: close\r\n\r\n"
                                       "TLS is spoken here: use https://...";

/// Methods are upper-case words; a handshake begins with 0x16.
bool begins_like_http(asio::ip::tcp::socket& socket) {
    char first = 0;
    boost::system::error_code ec;
    const auto size = socket.receive(asio::buffer(&first, 1), asio::socket_base::message_peek, ec);
    return !ec && size == 1 && first >= 'A' && first <= 'Z';
}

} // namespace

asio::awaitable<bool>
shake_hands(transport::stream& stream, std::chrono::steady_clock::duration time_max) {
    auto& socket = stream.socket();
    async::deadline limit(stream.get_executor(), [&stream] { stream.close(); });
    limit.arm(time_max);
    const auto waited =
        co_await socket.async_wait(asio::ip::tcp::socket::wait_read, async::nothrow);
    co_await async::throw_if_stopped();
    if (!std::get<0>(waited) && begins_like_http(socket)) {
        (void)co_await asio::async_write(socket, asio::buffer(not_plain), async::nothrow);
        stream.close();
        co_return false;
    }
    const auto done =
        co_await stream.tls()->async_handshake(asio::ssl::stream_base::server, async::nothrow);
    co_await async::throw_if_stopped();
    if (std::get<0>(done))
        stream.close();
    co_return !std::get<0>(done);
}

} // namespace tarpon::server
