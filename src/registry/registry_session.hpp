// Talks to one registry: finds out how, authenticates, follows redirects.
//
// The only place that holds credentials, and the only one that puts them into a request: they go
// to the registry's own origin and nowhere else, whatever a redirect or a Location says.
#pragma once

#include "async/condition.hpp"
#include "registry/auth_challenge.hpp"
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
    registry_session(transport::http_client& http, endpoint at, const connection_options& options);

    /// The first request (GET /v2/): decides between https and http on loopback, and learns what
    /// authentication the registry wants. Safe to await from many coroutines; done once.
    /// Throws `error`: transport_*, registry_not_found (no registry there), registry_*.
    boost::asio::awaitable<void> open();

    /// Sends a request to the registry or to where it pointed. GET and HEAD follow redirects.
    /// A 401 becomes errc::registry_unauthorized; every other status is the caller's.
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
    void learn_challenges(const transport::http_response& response);
    void authorize(transport::http_request& request) const;
    /// Where a redirect leads; nullopt if the response is none. Throws errc::registry_protocol.
    std::optional<transport::url>
    redirect_of(const transport::http_response& response, const transport::url& asked_at) const;
    error unauthorized(const transport::http_response& response, const asked& why) const;

    transport::http_client& http_;
    endpoint at_;
    std::string username_;
    std::string password_;
    bool wants_basic_ = false;
    bool wants_bearer_ = false;
    opening opening_ = opening::not_yet;
    std::exception_ptr opening_failed_;
    async::condition opened_;
};

} // namespace tarpon::registry
