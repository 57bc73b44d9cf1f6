// Proves to one registry who we are: Basic, or bearer tokens for the repositories at hand.
//
// The only place that puts a secret into a request, and only into one that goes to the registry's
// own origin or to the token server that the registry named and that passed the checks.
#pragma once

#include "async/condition.hpp"
#include "async/run_on.hpp"
#include "auth/auth_challenge.hpp"
#include "auth/credential_finder.hpp"
#include "auth/token_request.hpp"
#include "transport/http_client.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tarpon::auth {

/// What a request wants to do.
struct access {
    std::string repository; ///< empty: nothing in particular (ping)
    std::string mount_from; ///< another repository whose blob is mounted
};

class authorizer {
public:
    authorizer(
        transport::http_client& http,
        std::string host,
        const connection_options& options,
        async::cpu_pool& workers);

    /// Where the registry is; may change once, when loopback falls back to plain http.
    void set_origin(transport::origin at) { origin_ = std::move(at); }
    /// Remembers the challenges of a 401.
    void learn(const transport::http_response& response, const transport::url& asked);

    /// Adds the Authorization header, fetching or refreshing a token if need be. Does nothing for
    /// other origins. Throws `error`: errc::registry_unauthorized, and those of the token request.
    boost::asio::awaitable<void> authorize(transport::http_request& request, access wanted);

    /// A request was answered 401, or 403 for insufficient scope: is there something better to
    /// send? If so the request can be sent once more, after authorize().
    boost::asio::awaitable<bool>
    improve(const transport::http_response& response, transport::url asked, access wanted);

    bool has_credentials() const noexcept { return last_used_ && !last_used_->empty(); }
    /// Why a request that was answered 401 will not get further.
    error rejection(const transport::http_response& response) const;

private:
    using scope_list = std::vector<std::string>;

    /// Looks them up on the pool, one look-up at a time. Not null; stays valid.
    boost::asio::awaitable<const credentials*> credentials_for(std::string repository);
    boost::asio::awaitable<std::string> token_for(scope_list scopes, std::string repository);
    boost::asio::awaitable<token> fetch_token(scope_list scopes, std::string repository);
    boost::asio::awaitable<transport::http_response>
    ask_token_server(scope_list scopes, const credentials& who);
    scope_list scopes_for(const access& wanted) const;
    error token_refused(const transport::http_response& response) const;

    transport::http_client& http_;
    std::string host_;
    transport::origin origin_;
    credential_finder finder_;
    async::cpu_pool& workers_;

    bool basic_ = false;
    std::optional<token_realm> bearer_;
    std::map<std::string, credentials> found_; ///< by repository
    bool finding_ = false;
    async::condition found_changed_;
    std::map<scope_list, token> tokens_;
    std::set<scope_list> fetching_; ///< one request for a scope at a time
    async::condition fetched_;
    std::map<std::string, std::set<std::string>>
        extra_scopes_; ///< by repository: asked for by the registry
    const credentials* last_used_ = nullptr;
};

} // namespace tarpon::auth
