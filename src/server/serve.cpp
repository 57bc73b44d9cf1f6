// The public verb: listens, accepts, stops, and takes registry, pushes and page together.
#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "async/worker_count.hpp"
#include "model/text.hpp"
#include "server/access_log.hpp"
#include "server/embedded_registry.hpp"
#include "server/entrance.hpp"
#include "server/front.hpp"
#include "server/login_gate.hpp"
#include "server/push_service.hpp"
#include "server/reloaded.hpp"
#include "server/serve_checks.hpp"
#include "server/server_certificate.hpp"
#include "server/server_metrics.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <optional>

namespace tarpon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace server {
namespace {

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
        , stop_time_(options.stop_time)
        , workers_(async::worker_count(options.threads))
        , pushes_(executor, options, metrics_, logging())
        , public_(executor, workers_, logging())
        , own_(executor, workers_, logging()) {
        if (!options.access_log.empty())
            access_log_.emplace(options.access_log);
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
        public_.on_served = [this](const request_record& request) {
            note(request);
        };
        public_.on_connection = [this](bool accepted) {
            metrics_.count_connection(accepted);
        };
        front_->metrics = [this] {
            return metrics_text();
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
    void use_certificate(const serve_options& options);
    void listen_for_own();
    asio::awaitable<transport::stream> secure(tcp::socket socket);
    void note(const request_record& request);
    std::string metrics_text();
    asio::awaitable<void> finish_work();
    push_service::log_function logging() {
        return [this](log_level level, const std::string& message) {
            log(level, message);
        };
    }

    asio::any_io_executor executor_;
    serve_events events_;
    const std::chrono::seconds stop_time_;
    bool stopping_ = false;
    server_metrics metrics_;
    std::optional<access_log> access_log_;
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
    public_.make_stream = [this](tcp::socket socket) {
        return secure(std::move(socket));
    };
}

/// Our own pushes need neither the certificate's name, nor a password of somebody, nor a proxy.
void listening_server::listen_for_own() {
    try {
        own_.open({asio::ip::address_v4::loopback(), 0});
    } catch (const error&) {
        own_.open({asio::ip::address_v6::loopback(), 0});
    }
    pushes_.set_target(shown(own_.local()), front_->own_login());
}

void listening_server::listen(const tcp::endpoint& endpoint) {
    public_.open(endpoint);
    if (registry_)
        listen_for_own();
    if (events_.listening)
        events_.listening(shown(public_.local()));
}

asio::awaitable<transport::stream> listening_server::secure(tcp::socket socket) {
    const auto certificate = co_await certificate_->current();
    auto tls = std::make_unique<transport::tls_stream>(std::move(socket), certificate->context);
    co_return transport::stream(std::move(tls));
}

void listening_server::note(const request_record& request) {
    metrics_.count(request);
    if (access_log_)
        access_log_->write(access_line(request, std::chrono::system_clock::now()));
}

std::string listening_server::metrics_text() {
    server_gauges now;
    now.connections = public_.connections();
    now.pushes_running = pushes_.running();
    now.watchers = pushes_.watchers();
    now.stopping = stopping_;
    if (registry_)
        now.upload_sessions = registry_->upload_sessions();
    if (access_log_)
        metrics_.count_lost_log_lines(access_log_->take_lost());
    return metrics_.render(now);
}

/// The port stays open meanwhile: who asks for /healthz learns that this is the end.
asio::awaitable<void> listening_server::finish_work() {
    stopping_ = true;
    front_->begin_stop();
    pushes_.begin_stop();
    public_.begin_stop();
    co_await public_.wait_until_quiet(stop_time_);
    if (public_.busy())
        log(log_level::warn, "requests under way are interrupted: the time to stop is over");
    pushes_.interrupt();
    if (pushes_.running() > 0)
        co_await public_.wait_until_quiet(limits::server_cancel_time_max);
}

/// Until it is cancelled.
asio::awaitable<void> wait_for_the_end() {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer never(executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
}

/// Stops all of them, and waits until they have ended.
asio::awaitable<void> end_all(async::task_group& tasks) {
    tasks.cancel();
    try {
        co_await tasks.join();
    } catch (const boost::system::system_error&) {
        // the cancellation just asked for
    }
}

asio::awaitable<void> listening_server::run() {
    // Not stopped with the others: what is under way needs both ports to its end.
    async::task_group ports(executor_);
    ports.spawn(public_.accept_all());
    if (registry_)
        ports.spawn(own_.accept_all());
    async::task_group always(executor_);
    always.spawn(wait_for_the_end());
    if (registry_) {
        always.spawn(registry_->keep_index());
        always.spawn(registry_->keep_clean());
    }
    std::exception_ptr ended;
    try {
        co_await always.join();
    } catch (...) {
        ended = std::current_exception();
    }
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await finish_work();
    co_await end_all(ports);
    co_await public_.end();
    co_await own_.end();
    if (registry_)
        co_await registry_->write_index();
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
