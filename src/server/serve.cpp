// The public verb: listens, accepts, stops, and takes registry, pushes and page together.
#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "async/worker_count.hpp"
#include "model/text.hpp"
#include "server/embedded_registry.hpp"
#include "server/front.hpp"
#include "server/http_connection.hpp"
#include "server/login_gate.hpp"
#include "server/push_service.hpp"
#include "server/reloaded.hpp"
#include "server/serve_checks.hpp"
#include "server/server_certificate.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/ip/host_name.hpp>
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

access_rules rules_for(const serve_options& options, const tcp::endpoint& at) {
    access_rules rules;
    rules.loopback_only = at.address().is_loopback();
    rules.hosts = options.hosts;
    rules.any_name = !options.htpasswd.empty();
    rules.tls = !options.tls_cert.empty();
    boost::system::error_code ignored;
    const std::string ours = asio::ip::host_name(ignored);
    if (!rules.loopback_only && !rules.any_name && !ours.empty())
        rules.hosts.push_back(ours);
    return rules;
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
        if (!options.htpasswd.empty())
            gate_.emplace(
                executor, options.htpasswd, certificate_.has_value(), workers_, logging());
        if (options.registry.empty()) // last: it makes a folder
            registry_.emplace(
                executor, options.storage, workers_, logging(), embedded_rules_of(options));
        front_.emplace(
            options, rules_for(options, at), pushes_, registry_ ? &registry_->api() : nullptr,
            gate_ ? &*gate_ : nullptr, logging());
        public_.handle = [this](server_request& request) {
            return front_->answer(request);
        };
        own_.handle = [this](server_request& request) {
            return front_->answer_own(request);
        };
    }

    void listen(const tcp::endpoint& endpoint);
    void log(log_level level, const std::string& message) {
        if (events_.log)
            events_.log(level, message);
    }
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
    std::optional<login_gate> gate_; ///< none: nobody has to log in
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
    const auto warnings = server::check(options, at);
    server::listening_server server(executor, options, at, std::move(events));
    for (const std::string& warning : warnings)
        server.log(log_level::warn, warning);
    server.listen(at);
    co_await server.run();
}

} // namespace tarpon
