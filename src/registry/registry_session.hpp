// Talks to one registry: finds out how, authenticates, follows redirects.
//
// Every request passes the authorizer, which puts credentials only into those for the registry's
// own origin, whatever a redirect or a Location says.
#pragma once

#include "async/condition.hpp"
#include "auth/authorizer.hpp"
#include "registry/endpoint.hpp"
#include "registry/error_body.hpp"
#include "transport/http_client.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/options.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::registry {

class registry_session {
public:
    /// `http` and `workers` (where credentials are looked up) must outlive the session.
    registry_session(
        transport::http_client& http,
        endpoint at,
        const connection_options& options,
        async::cpu_pool& workers);

    /// The first request (GET /v2/): decides between https and http on loopback, and learns what
    /// authentication the registry wants. Safe to await from many coroutines; done once.
    /// Throws `error`: transport_*, registry_not_found (no registry there), registry_*.
    boost::asio::awaitable<void> open();

    /// After open(): does the registry let our credentials in? Throws errc::registry_unauthorized.
    boost::asio::awaitable<void> check_credentials();

    /// Sends a request to the registry or to where it pointed. GET and HEAD follow redirects.
    /// A 401 that better credentials cannot mend becomes errc::registry_unauthorized; every other
    /// status is the caller's. A request whose streamed body was begun is not sent again.
    boost::asio::awaitable<transport::http_response>
    send(transport::http_request request, const asked& why);

    /// The content of a blob, streamed. Throws `error` when the registry does not give it.
    boost::asio::awaitable<std::unique_ptr<byte_source>>
    read_blob(std::string repository, digest content);

    /// https://host/v2/<repository>/<rest>.
    transport::url api(std::string_view repository, std::string_view rest) const;
    const std::string& host() const noexcept { return at_.host; }
    const transport::origin& where() const noexcept { return at_.at; }

private:
    enum class opening { not_yet, under_way, done, failed };

    boost::asio::awaitable<void> ping();
    boost::asio::awaitable<transport::http_response> get_v2();
    /// Sends with credentials; once more with better ones where the first were refused.
    boost::asio::awaitable<transport::http_response>
    send_authorized(const transport::http_request& request, const asked& why);
    /// Where a redirect leads; nullopt if the response is none. Throws errc::registry_protocol.
    std::optional<transport::url>
    redirect_of(const transport::http_response& response, const transport::url& asked_at) const;

    transport::http_client& http_;
    endpoint at_;
    auth::authorizer authorizer_;
    opening opening_ = opening::not_yet;
    std::exception_ptr opening_failed_;
    async::condition opened_;
};

} // namespace tarpon::registry
