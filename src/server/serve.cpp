// The public verb: listens, accepts, stops, and takes registry, pushes and page together.
#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "async/worker_count.hpp"
#include "engine/push_source.hpp"
#include "model/text.hpp"
#include "server/embedded_registry.hpp"
#include "server/front.hpp"
#include "server/http_connection.hpp"
#include "server/push_service.hpp"
#include "server/reloaded.hpp"
#include "server/server_certificate.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <list>

namespace tarpon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace server {
namespace {

constexpr std::chrono::seconds stop_time{5}; // for requests under way

/// ADDRESS:PORT, as --listen takes it. Throws errc::usage.
tcp::endpoint parse_listen(const std::string& address) {
    const auto at = transport::parse_host_port(address, false);
    const std::size_t colon = address.rfind(':');
    const auto port = colon == address.npos
                          ? std::nullopt
                          : parse_decimal(std::string_view(address).substr(colon + 1));
    boost::system::error_code ec;
    std::string host = !at && port ? address.substr(0, colon) : at ? at->host : address;
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
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

/// There are no passwords, so whoever reaches the port may push, pull and delete.
void check(const serve_options& options, const tcp::endpoint& at) {
    if (!at.address().is_loopback() && !options.allow_anonymous)
        throw error(
            errc::usage,
            concat(
                "--listen ", shown(at), " is open to other machines, and there are no passwords"),
            {}, "--allow-anonymous, where everybody who reaches it may push, pull and delete");
    if (options.registry.empty())
        return;
    push_options pushes;
    pushes.where.registry = options.registry;
    pushes.connection = options.connection;
    engine::check_options(pushes); // now, not when somebody pushes
}

embedded_rules embedded_rules_of(const serve_options& options) {
    return {{options.collect_grace, options.collect_untagged}, options.collect_every};
}

class listening_server {
public:
    listening_server(
        asio::any_io_executor executor,
        const serve_options& options,
        const tcp::endpoint& at,
        serve_events events)
        : executor_(executor)
        , events_(std::move(events))
        , workers_(async::worker_count(options.threads))
        , pushes_(executor, options, logging())
        , public_(executor)
        , own_(executor) {
        if (!options.tls_cert.empty())
            use_certificate(options);
        if (options.registry.empty())
            registry_.emplace(
                executor, options.storage, workers_, logging(), embedded_rules_of(options));
        access_rules rules{at.address().is_loopback(), options.hosts};
        front_.emplace(
            options, std::move(rules), pushes_, registry_ ? &registry_->api() : nullptr, logging());
        public_.handle = [this](server_request& request) {
            return front_->answer(request);
        };
        own_.handle = [this](server_request& request) {
            return front_->answer_own(request);
        };
    }

    void listen(const tcp::endpoint& endpoint);
    asio::awaitable<void> run();

private:
    /// A port and who came through it.
    struct entrance {
        explicit entrance(const asio::any_io_executor& executor)
            : acceptor(executor)
            , clients(executor) {}

        tcp::acceptor acceptor;
        request_handler handle;
        async::task_group clients;
        std::list<http_connection*> connections;
    };

    void use_certificate(const serve_options& options);
    void listen_for_own();
    asio::awaitable<transport::stream> stream_over(entrance& through, tcp::socket socket);
    asio::awaitable<void> accept_all(entrance& through);
    asio::awaitable<void> serve_client(entrance& through, tcp::socket socket);
    asio::awaitable<void> stop();
    asio::awaitable<void> end(entrance& through);
    void log(log_level level, const std::string& message) {
        if (events_.log)
            events_.log(level, message);
    }
    push_service::log_function logging() {
        return [this](log_level level, const std::string& message) {
            log(level, message);
        };
    }

    asio::any_io_executor executor_;
    serve_events events_;
    async::cpu_pool workers_;
    std::optional<embedded_registry> registry_; ///< none where everything is forwarded
    push_service pushes_;
    std::optional<front> front_;
    std::optional<reloaded<server_certificate>> certificate_; ///< none: plain HTTP
    entrance public_;
    entrance own_; ///< for our own pushes into the embedded registry
};

void listening_server::use_certificate(const serve_options& options) {
    auto load = [this, cert = options.tls_cert, key = options.tls_key] {
        return load_certificate(cert, key);
    };
    auto failed = [this](const error& e) {
        log(log_level::error, concat(e.message(), ": ", e.cause(), "; the last one is kept"));
    };
    certificate_.emplace(
        std::vector<std::string>{options.tls_cert, options.tls_key}, std::move(load), workers_,
        std::move(failed), limits::settings_look_interval);
    for (const std::string& warning : certificate_->value().warnings)
        log(log_level::warn, warning);
}

void open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
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
    acceptor.open(endpoint.protocol(), ec);
    require(ec);
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(endpoint, ec);
    require(ec);
    acceptor.listen(asio::socket_base::max_listen_connections, ec);
    require(ec);
}

/// Our own pushes need neither the certificate's name, nor a password of somebody, nor a proxy.
void listening_server::listen_for_own() {
    try {
        open(own_.acceptor, {asio::ip::address_v4::loopback(), 0});
    } catch (const error&) {
        boost::system::error_code ignored;
        own_.acceptor.close(ignored);
        open(own_.acceptor, {asio::ip::address_v6::loopback(), 0});
    }
    pushes_.set_target(shown(own_.acceptor.local_endpoint()), front_->own_login());
}

void listening_server::listen(const tcp::endpoint& endpoint) {
    open(public_.acceptor, endpoint);
    if (registry_)
        listen_for_own();
    if (events_.listening)
        events_.listening(shown(public_.acceptor.local_endpoint()));
}

asio::awaitable<transport::stream>
listening_server::stream_over(entrance& through, tcp::socket socket) {
    if (!certificate_ || &through == &own_)
        co_return transport::stream(std::move(socket));
    const auto certificate = co_await certificate_->current();
    auto tls = std::make_unique<transport::tls_stream>(std::move(socket), certificate->context);
    co_return transport::stream(std::move(tls));
}

asio::awaitable<void> listening_server::serve_client(entrance& through, tcp::socket socket) {
    auto stream = co_await stream_over(through, std::move(socket));
    http_connection connection(std::move(stream), workers_);
    auto& all = through.connections;
    const auto place = all.insert(all.end(), &connection);
    struct leave {
        std::list<http_connection*>& all;
        std::list<http_connection*>::iterator place;
        ~leave() { all.erase(place); }
    } leaving{all, place};
    std::optional<std::string> broken;
    try {
        co_await connection.run(through.handle);
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

asio::awaitable<void> listening_server::accept_all(entrance& through) {
    asio::steady_timer pause(executor_);
    while (true) {
        auto got = co_await through.acceptor.async_accept(async::nothrow);
        co_await async::throw_if_stopped();
        if (std::get<0>(got)) {
            // Out of descriptors, mostly: others must end before this can go on.
            log(log_level::warn,
                concat("cannot accept a connection: ", foreign_text(std::get<0>(got).message())));
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(asio::use_awaitable);
            continue;
        }
        if (through.clients.running() < limits::server_connections_max)
            through.clients.spawn(serve_client(through, std::move(std::get<1>(got))));
    }
}

asio::awaitable<void> listening_server::end(entrance& through) {
    through.clients.cancel();
    try {
        co_await through.clients.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
}

asio::awaitable<void> listening_server::stop() {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    boost::system::error_code ignored;
    public_.acceptor.close(ignored);
    for (http_connection* connection : public_.connections)
        connection->stop();
    asio::steady_timer timer(executor_);
    for (auto waited = std::chrono::milliseconds(0);
         public_.clients.running() > 0 && waited < stop_time;) {
        constexpr std::chrono::milliseconds step{20};
        timer.expires_after(step);
        waited += step;
        co_await timer.async_wait(asio::use_awaitable);
    }
    co_await end(public_);
    co_await end(own_);
    if (registry_)
        co_await registry_->write_index();
}

asio::awaitable<void> listening_server::run() {
    async::task_group always(executor_);
    always.spawn(accept_all(public_));
    if (registry_) {
        always.spawn(registry_->keep_index());
        always.spawn(registry_->keep_clean());
    }
    // Not stopped with the others: uploads that may end need it to their end.
    async::task_group own(executor_);
    if (registry_)
        own.spawn(accept_all(own_));
    std::exception_ptr ended;
    try {
        co_await always.join();
    } catch (...) {
        ended = std::current_exception();
    }
    co_await stop();
    own.cancel();
    try {
        co_await own.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
    std::rethrow_exception(ended);
}

} // namespace
} // namespace server

asio::awaitable<void> serve(serve_options options, serve_events events) {
    const auto executor = co_await asio::this_coro::executor;
    const auto at = server::parse_listen(options.listen); // before the folder is made
    server::check(options, at);
    server::listening_server server(executor, options, at, std::move(events));
    server.listen(at);
    co_await server.run();
}

} // namespace tarpon
