// See connection.hpp.
#include "transport/connection.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

namespace tarpon::transport {

namespace asio = boost::asio;
using asio::ip::tcp;

dialer::dialer(asio::any_io_executor executor, const connection_options& options)
    : executor_(std::move(executor))
    , verify_(!options.insecure)
    , tls_(make_client_context(options)) {}

asio::awaitable<std::unique_ptr<connection>> dialer::dial(origin to) {
    tcp::socket socket = co_await connect(to);
    socket.set_option(tcp::no_delay(true));
    if (!to.tls)
        co_return std::make_unique<connection>(stream(std::move(socket)), to);
    stream secured = co_await secure(std::move(socket), to);
    co_return std::make_unique<connection>(std::move(secured), to);
}

asio::awaitable<dialer::endpoints> dialer::resolve(const origin& to) {
    const std::string key = to.host_header();
    if (const auto known = resolved_.find(key); known != resolved_.end())
        co_return known->second;
    tcp::resolver resolver(executor_);
    const auto got =
        co_await resolver.async_resolve(to.host, std::to_string(to.port), async::nothrow);
    const auto& [ec, found] = got;
    if (ec)
        throw error(
            errc::transport_resolve, concat("the name ", to.host, " does not resolve"),
            foreign_text(ec.message()));
    endpoints all;
    for (const auto& entry : found)
        all.push_back(entry.endpoint());
    resolved_[key] = all;
    co_return all;
}

asio::awaitable<tcp::socket> dialer::connect(const origin& to) {
    const endpoints addresses = co_await resolve(to);
    boost::system::error_code last = asio::error::host_not_found;
    for (const tcp::endpoint& address : addresses) {
        tcp::socket socket(executor_);
        auto give_up = [&socket] {
            boost::system::error_code ignored;
            socket.close(ignored);
        };
        async::deadline limit(executor_, give_up);
        limit.arm(limits::connect_time_max);
        const auto got = co_await socket.async_connect(address, async::nothrow);
        last = std::get<0>(got);
        if (!last)
            co_return socket;
        if (limit.expired())
            last = asio::error::timed_out;
        co_await async::throw_if_stopped();
    }
    const errc code =
        last == asio::error::timed_out ? errc::transport_timeout : errc::transport_connect;
    throw error(code, concat("no connection to ", to.host_header()), foreign_text(last.message()));
}

asio::awaitable<stream> dialer::secure(tcp::socket socket, const origin& to) {
    auto tls = std::make_unique<tls_stream>(std::move(socket), *tls_);
    prepare_handshake(*tls, to, verify_);
    auto give_up = [&tls] {
        boost::system::error_code ignored;
        tls->next_layer().close(ignored);
    };
    async::deadline limit(executor_, give_up);
    limit.arm(limits::tls_handshake_time_max);
    const auto got = co_await tls->async_handshake(asio::ssl::stream_base::client, async::nothrow);
    const auto ec = std::get<0>(got);
    if (limit.expired())
        throw error(
            errc::transport_timeout, concat("no TLS connection to ", to.host_header()),
            "the handshake timed out");
    if (ec)
        throw handshake_error(ec, *tls, to);
    co_return stream(std::move(tls));
}

} // namespace tarpon::transport
