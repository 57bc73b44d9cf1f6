// The public verb: listens, accepts, and takes the stores and the API together.
#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"
#include "server/http_connection.hpp"
#include "server/registry_api.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <list>
#include <thread>

namespace tarpon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace server {
namespace {

constexpr std::chrono::milliseconds index_delay{200}; // between a tag and index.json
constexpr std::chrono::seconds stop_time{5};          // for requests under way

std::size_t worker_count(int wanted) {
    const auto cores = static_cast<int>(std::thread::hardware_concurrency());
    return static_cast<std::size_t>(std::max(1, wanted > 0 ? wanted : cores));
}

/// Opened, and locked against a second server.
folder open_storage(const std::string& path) {
    try {
        folder root(path);
        if (!root.try_lock(".lock"))
            throw error(
                errc::usage,
                concat("cannot use the storage ", path, ": another process serves it"));
        root.remove_temporaries();
        return root;
    } catch (const error& e) {
        if (e.code() != errc::storage)
            throw;
        throw error(errc::usage, concat("cannot use the storage ", path), e.cause());
    }
}

/// ADDRESS:PORT, as --listen takes it. Throws errc::usage.
tcp::endpoint parse_listen(const std::string& address) {
    const auto at = transport::parse_host_port(address, false);
    const std::size_t colon = address.rfind(':');
    const auto port = colon == address.npos
                          ? std::nullopt
                          : parse_decimal(std::string_view(address).substr(colon + 1));
    boost::system::error_code ec;
    const std::string host = !at && port ? address.substr(0, colon) : at ? at->host : address;
    const auto ip = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, ec);
    if (ec || !port || *port > 65535)
        throw error(errc::usage, concat("\"", foreign_text(address), "\" is not ADDRESS:PORT"));
    return {ip, static_cast<std::uint16_t>(*port)};
}

std::string shown(const tcp::endpoint& at) {
    const std::string address = at.address().to_string();
    return at.address().is_v6() ? concat("[", address, "]:", at.port())
                                : concat(address, ":", at.port());
}

class registry_server {
public:
    registry_server(
        asio::any_io_executor executor, const serve_options& options, serve_events events)
        : executor_(executor)
        , events_(std::move(events))
        , workers_(worker_count(options.threads))
        , root_(open_storage(options.storage))
        , blobs_(root_)
        , uploads_(root_, blobs_)
        , manifests_(root_, blobs_)
        , api_(blobs_, uploads_, manifests_, workers_)
        , acceptor_(executor)
        , index_timer_(executor)
        , clients_(executor) {
        api_.on_tag = [this] {
            index_wanted_ = true;
            index_timer_.cancel();
        };
    }

    void listen(const tcp::endpoint& endpoint);
    asio::awaitable<void> run();

private:
    asio::awaitable<void> accept_all();
    asio::awaitable<void> serve_client(tcp::socket socket);
    asio::awaitable<server_response> answer(server_request& request);
    asio::awaitable<void> keep_index();
    asio::awaitable<void> write_index();
    asio::awaitable<void> stop();
    void log(log_level level, const std::string& message) {
        if (events_.log)
            events_.log(level, message);
    }

    asio::any_io_executor executor_;
    serve_events events_;
    async::cpu_pool workers_;
    folder root_;
    blob_store blobs_;
    upload_store uploads_;
    manifest_store manifests_;
    registry_api api_;
    tcp::acceptor acceptor_;
    asio::steady_timer index_timer_;
    bool index_wanted_ = false;
    async::task_group clients_;
    std::list<http_connection*> connections_;
};

void registry_server::listen(const tcp::endpoint& endpoint) {
    boost::system::error_code ec;
    const auto require = [&](const boost::system::error_code& failed) {
        if (failed)
            throw error(
                errc::usage, concat("cannot listen on ", shown(endpoint)),
                foreign_text(failed.message()),
                failed == asio::error::address_in_use
                    ? "another --listen; port 0 lets the system choose a free one"
                    : "");
    };
    acceptor_.open(endpoint.protocol(), ec);
    require(ec);
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint, ec);
    require(ec);
    acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    require(ec);
    if (events_.listening)
        events_.listening(shown(acceptor_.local_endpoint()));
}

asio::awaitable<server_response> registry_server::answer(server_request& request) {
    std::optional<server_response> failed;
    try {
        co_return co_await api_.handle(request);
    } catch (const error& e) {
        if (e.code() == errc::registry_refused) {
            failed = api_error(429, "TOOMANYREQUESTS", e.message());
        } else if (e.code() == errc::transport_closed) {
            log(log_level::info,
                concat(
                    request.method, " ",
                    foreign_text(request.target.substr(0, request.target.find('?')), 200), ": ",
                    e.message()));
            failed = api_error(400, "BLOB_UPLOAD_INVALID", e.message());
        } else {
            log(log_level::error, concat(e.message(), e.cause().empty() ? "" : ": ", e.cause()));
            failed = api_error(500, "UNKNOWN", "the registry's storage failed; its log says why");
        }
    }
    co_return std::move(*failed);
}

asio::awaitable<void> registry_server::serve_client(tcp::socket socket) {
    http_connection connection(std::move(socket), workers_);
    const auto place = connections_.insert(connections_.end(), &connection);
    struct leave {
        std::list<http_connection*>& all;
        std::list<http_connection*>::iterator place;
        ~leave() { all.erase(place); }
    } leaving{connections_, place};
    std::optional<std::string> broken;
    const request_handler handle = [this](server_request& request) {
        return answer(request);
    };
    try {
        co_await connection.run(handle);
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        broken = e.what();
    } catch (const std::exception& e) {
        broken = e.what();
    }
    if (broken)
        log(log_level::error, concat("a connection ended with an internal error: ", *broken));
}

asio::awaitable<void> registry_server::accept_all() {
    asio::steady_timer pause(executor_);
    while (true) {
        auto got = co_await acceptor_.async_accept(async::nothrow);
        co_await async::throw_if_stopped();
        if (std::get<0>(got)) {
            // Out of descriptors, mostly: others must end before this can go on.
            log(log_level::warn,
                concat("cannot accept a connection: ", foreign_text(std::get<0>(got).message())));
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        if (clients_.running() < limits::server_connections_max)
            clients_.spawn(serve_client(std::move(std::get<1>(got))));
    }
}

asio::awaitable<void> registry_server::write_index() {
    auto write = [this] {
        manifests_.write_index();
    };
    std::optional<error> failed;
    try {
        co_await async::run_on(workers_.get_executor(), write);
    } catch (const error& e) {
        failed = e;
    }
    // It is derived from the tags and rebuilt at the next start: pushes go on.
    if (failed)
        log(log_level::error, concat(failed->message(), ": ", failed->cause()));
}

/// Writes index.json a moment after tags changed: one write for many tags.
asio::awaitable<void> registry_server::keep_index() {
    while (true) {
        while (!index_wanted_) {
            index_timer_.expires_at(asio::steady_timer::time_point::max());
            (void)co_await index_timer_.async_wait(async::nothrow); // ended by on_tag
            co_await async::throw_if_stopped();
        }
        index_timer_.expires_after(index_delay);
        (void)co_await index_timer_.async_wait(async::nothrow);
        co_await async::throw_if_stopped();
        index_wanted_ = false;
        co_await write_index();
    }
}

asio::awaitable<void> registry_server::stop() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    for (http_connection* connection : connections_)
        connection->stop();
    asio::steady_timer timer(executor_);
    for (auto waited = std::chrono::milliseconds(0);
         clients_.running() > 0 && waited < stop_time;) {
        constexpr std::chrono::milliseconds step{20};
        timer.expires_after(step);
        waited += step;
        co_await timer.async_wait(asio::use_awaitable);
    }
    clients_.cancel();
    try {
        co_await clients_.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
    co_await write_index();
}

asio::awaitable<void> registry_server::run() {
    async::task_group always(executor_);
    always.spawn(accept_all());
    always.spawn(keep_index());
    std::exception_ptr ended;
    try {
        co_await always.join();
    } catch (...) {
        ended = std::current_exception();
    }
    co_await stop();
    std::rethrow_exception(ended);
}

} // namespace
} // namespace server

asio::awaitable<void> serve(serve_options options, serve_events events) {
    const auto executor = co_await asio::this_coro::executor;
    const auto at = server::parse_listen(options.listen); // before the folder is made
    server::registry_server server(executor, options, std::move(events));
    server.listen(at);
    co_await server.run();
}

} // namespace tarpon
