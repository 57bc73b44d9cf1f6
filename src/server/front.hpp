// What the port answers: the page, PUT /push, /healthz, /metrics, and the registry below /v2/, each
// behind the same rules about who may ask and with the same headers for browsers.
#pragma once

#include "server/http_types.hpp"
#include "server/login_gate.hpp"
#include "server/push_service.hpp"
#include "server/registry_api.hpp"
#include "server/request_guard.hpp"
#include "transport/address_block.hpp"

#include <tarpon/serve.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::server {

class front {
public:
    /// `registry` is nullptr where everything is forwarded, `gate` where nobody has to log in. All
    /// must outlive this.
    front(
        const serve_options& options,
        access_rules rules,
        push_service& pushes,
        registry_api* registry,
        login_gate* gate,
        push_service::log_function log);

    /// Throws only when cancelled; what fails becomes an answer, and a line of the log.
    boost::asio::awaitable<server_response> answer(server_request& request);

    /// The same for the port of our own pushes: the registry, for whoever has `own_login`.
    boost::asio::awaitable<server_response> answer_own(server_request& request);
    const server::own_login& own_login() const noexcept { return own_login_; }

    /// What GET /metrics answers.
    std::function<std::string()> metrics;
    /// /healthz says 503 from now on.
    void begin_stop() noexcept { stopping_ = true; }

private:
    boost::asio::awaitable<server_response>
    answered(const server_request& request, boost::asio::awaitable<server_response> work);
    boost::asio::awaitable<server_response> route_own(server_request& request);
    boost::asio::awaitable<server_response> route(server_request& request);
    boost::asio::awaitable<server_response> on_login(server_request& request);
    boost::asio::awaitable<std::optional<server_response>> admit(server_request& request);
    boost::asio::awaitable<server_response> dispatch(server_request& request);
    bool may_change(const server_request& request) const;
    boost::asio::awaitable<server_response> on_push(server_request& request);
    server_response page_or_nothing(const server_request& request) const;
    server_response info() const;

    const serve_options& options_;
    access_rules rules_;
    push_service& pushes_;
    registry_api* registry_;
    login_gate* gate_;
    std::vector<transport::address_block> pushers_; ///< empty: everybody
    push_service::log_function log_;
    server::own_login own_login_;
    bool stopping_ = false;
};

} // namespace tarpon::server
