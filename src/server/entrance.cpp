// See entrance.hpp.
#include "server/entrance.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"
#include "server/client_name.hpp"
#include "server/serve_checks.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <optional>

namespace tarpon::server {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::seconds spared_time{1}; // a connection so new may be about to speak

} // namespace

entrance::entrance(asio::any_io_executor executor, async::cpu_pool& workers, log_function log)
    : executor_(executor)
    , workers_(workers)
    , log_(std::move(log))
    , acceptor_(executor)
    , places_(limits::server_connections_max)
    , clients_(executor) {}

void entrance::open(const tcp::endpoint& at) {
    boost::system::error_code ec;
    const auto require = [&](const boost::system::error_code& failed) {
        if (!failed)
            return;
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        throw error(
            errc::usage, concat("cannot listen on ", shown(at)), foreign_text(failed.message()),
            failed == asio::error::address_in_use
                ? "another --listen; port 0 lets the system choose a free one"
                : "");
    };
    acceptor_.open(at.protocol(), ec);
    require(ec);
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(at, ec);
    require(ec);
    acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    require(ec);
}

/// Of one client, or of all (nullptr).
void entrance::close_longest_idle(const std::string* of) {
    client* oldest = nullptr;
    auto since = std::chrono::steady_clock::now() - spared_time;
    for (client& one : all_) {
        const auto idle = one.connection->idle_since();
        if (!one.place || !idle || *idle >= since || (of && one.place.client() != *of))
            continue;
        since = *idle;
        oldest = &one;
    }
    if (!oldest)
        return;
    oldest->connection->stop();
    oldest->place.give_back();
}

/// Connections that only wait make room for one that may have something to say.
client_places::lease entrance::find_place(const tcp::socket& socket) {
    boost::system::error_code gone;
    const asio::ip::address from = socket.remote_endpoint(gone).address();
    if (gone)
        return {};
    auto place = places_.take(from);
    if (place)
        return place;
    const std::string name = client_name(from);
    close_longest_idle(places_.free() == 0 ? nullptr : &name);
    return places_.take(from);
}

asio::awaitable<void> entrance::talk_with(tcp::socket socket, client_places::lease place) {
    std::optional<transport::stream> stream;
    if (make_stream) {
        auto made = co_await make_stream(std::move(socket));
        stream.emplace(std::move(made));
    } else {
        stream.emplace(std::move(socket));
    }
    http_connection connection(std::move(*stream), workers_);
    connection.on_served = on_served;
    if (stopping_)
        connection.serve_one_more();
    const auto at = all_.emplace(all_.end());
    at->place = std::move(place);
    at->connection = &connection;
    struct leave {
        std::list<client>& all;
        std::list<client>::iterator at;
        ~leave() { all.erase(at); }
    } leaving{all_, at};
    co_await connection.run(handle);
}

/// What goes wrong with one client ends no other.
asio::awaitable<void> entrance::serve_client(tcp::socket socket, client_places::lease place) {
    std::optional<std::string> broken;
    auto work = talk_with(std::move(socket), std::move(place));
    try {
        co_await std::move(work);
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        broken = e.what();
    } catch (const std::exception& e) {
        broken = e.what();
    }
    if (broken)
        log_(log_level::error, concat("a connection ended with an internal error: ", *broken));
}

asio::awaitable<void> entrance::accept_all() {
    asio::steady_timer pause(executor_);
    while (true) {
        auto got = co_await acceptor_.async_accept(async::nothrow);
        co_await async::throw_if_stopped();
        if (std::get<0>(got)) {
            // Out of descriptors, mostly: others must end before this can go on.
            log_(
                log_level::warn,
                concat("cannot accept a connection: ", foreign_text(std::get<0>(got).message())));
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        auto place = find_place(std::get<1>(got));
        if (on_connection)
            on_connection(static_cast<bool>(place));
        if (place)
            clients_.spawn(serve_client(std::move(std::get<1>(got)), std::move(place)));
    }
}

bool entrance::busy() const noexcept {
    return std::any_of(
        all_.begin(), all_.end(), [](const client& one) { return one.connection->busy(); });
}

void entrance::begin_stop() {
    stopping_ = true;
    for (const client& one : all_)
        one.connection->stop();
}

asio::awaitable<void> entrance::wait_until_quiet(std::chrono::milliseconds most) {
    asio::steady_timer timer(executor_);
    const auto end = std::chrono::steady_clock::now() + most;
    while (busy() && std::chrono::steady_clock::now() < end) {
        timer.expires_after(std::chrono::milliseconds(20));
        co_await timer.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> entrance::end() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    clients_.cancel();
    try {
        co_await clients_.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
}

} // namespace tarpon::server
