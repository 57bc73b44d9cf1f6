// See connection.hpp.
#include "transport/connection.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"
#include "transport/tunnel.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

namespace tarpon::transport {

namespace asio = boost::asio;
using asio::ip::tcp;

dialer::dialer(asio::any_io_executor executor, const connection_options& options)
    : executor_(std::move(executor))
    , proxies_(proxy_rules::from_environment(process_environment).value())
    , tls_(options)
    , idle_time_(options.idle_time)
    , commit_time_(options.commit_time) {}

asio::awaitable<std::unique_ptr<connection>> dialer::dial(origin to) {
    const proxy* const via = proxies_.choose(to);
    const origin first = via ? via->at : to;
    tcp::socket socket = co_await connect(first);
    socket.set_option(tcp::no_delay(true));
    stream link(std::move(socket));
    if (first.tls)
        link = co_await secure(std::move(link), first);
    if (via && to.tls) {
        co_await open_tunnel(link, *via, to);
        link = co_await secure(std::move(link), to);
    }
    auto made = std::make_unique<connection>(std::move(link), to);
    made->idle_time = idle_time_;
    made->commit_time = commit_time_;
    if (via && !to.tls)
        made->forwarded_by = via;
    co_return made;
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

namespace {

/// The handshake of either kind of TLS stream; `lowest` is the socket under it.
template <class Stream>
asio::awaitable<void>
shake_hands(asio::any_io_executor executor, Stream& tls, tcp::socket& lowest, const origin& to) {
    auto give_up = [&lowest] {
        boost::system::error_code ignored;
        lowest.close(ignored);
    };
    async::deadline limit(executor, give_up);
    limit.arm(limits::tls_handshake_time_max);
    const auto got = co_await tls.async_handshake(asio::ssl::stream_base::client, async::nothrow);
    const auto ec = std::get<0>(got);
    co_await async::throw_if_stopped();
    if (limit.expired())
        throw error(
            errc::transport_timeout, concat("no TLS connection to ", to.host_header()),
            "the handshake timed out");
    if (ec)
        throw handshake_error(ec, tls.native_handle(), to);
}

} // namespace

asio::awaitable<stream> dialer::secure(stream over, const origin& to) {
    asio::ssl::context& context = tls_.context_for(to);
    if (over.is_tls()) {
        auto inner =
            std::make_unique<tunnelled_tls_stream>(std::move(*over.release_tls()), context);
        tls_.prepare(inner->native_handle(), to);
        co_await shake_hands(executor_, *inner, inner->next_layer().next_layer(), to);
        co_return stream(std::move(inner));
    }
    auto tls = std::make_unique<tls_stream>(over.release_plain(), context);
    tls_.prepare(tls->native_handle(), to);
    co_await shake_hands(executor_, *tls, tls->next_layer(), to);
    co_return stream(std::move(tls));
}

} // namespace tarpon::transport
