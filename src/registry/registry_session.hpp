// Talks to one registry: finds out how, authenticates, follows redirects.
//
// Every request passes the authorizer, which puts credentials only into those for the registry's
// own origin, whatever a redirect or a Location says.
#pragma once

#include "async/condition.hpp"
#include "async/slots.hpp"
#include "auth/authorizer.hpp"
#include "registry/chunk_reader.hpp"
#include "registry/cookie_jar.hpp"
#include "registry/endpoint.hpp"
#include "registry/error_body.hpp"
#include "registry/retrier.hpp"
#include "registry/upload_habits.hpp"
#include "registry/upload_slots.hpp"
#include "registry/warning_header.hpp"
#include "transport/http_client.hpp"

#include <tarpon/digest.hpp>
#include <tarpon/options.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::registry {

/// How the session behaves, besides how it is reached.
struct session_settings {
    retry_settings retry = {};              ///< by default nothing is tried again
    int uploads_max = limits::jobs_default; ///< at a time; fewer where the host has too many
    chunking chunks = chunking::automatic;
    std::uint64_t chunk_bytes = limits::chunk_bytes_default;
    std::uint64_t chunk_bytes_max = limits::chunk_bytes_default;
    /// Where chunks lie until they have arrived; by default on the heap. May wait.
    std::function<boost::asio::awaitable<chunk_memory>(std::size_t)> memory_for_chunks = {};
    /// Told what the registry wants its users to know, each text once.
    std::function<void(const std::string&)> warn = {};
};

/// The registry refused credentials in the middle of a body that is gone, and has better ones now:
/// the body must be sent from its beginning.
class credentials_renewed final : public error {
public:
    explicit credentials_renewed(error refused)
        : error(std::move(refused)) {}
};

/// May a request be sent again by itself when it failed in a way that may pass?
enum class repetition { allowed, never };

class registry_session {
public:
    /// `http` and `workers` (where credentials are looked up) must outlive the session.
    registry_session(
        transport::http_client& http,
        endpoint at,
        const connection_options& options,
        async::cpu_pool& workers,
        session_settings with = {});

    /// The first request (GET /v2/): decides between https and http on loopback, and learns what
    /// authentication the registry wants. Safe to await from many coroutines; done once.
    /// Tries again when the registry says that it is overloaded, not when it cannot be reached:
    /// more often than not the name or the port is wrong then.
    /// Throws `error`: transport_*, registry_not_found (no registry there), registry_*.
    boost::asio::awaitable<void> open();

    /// After open(): does the registry let our credentials in? Throws errc::registry_unauthorized.
    boost::asio::awaitable<void> check_credentials();
    /// Were there any for what was asked last?
    bool has_credentials() const noexcept { return authorizer_.has_credentials(); }

    /// Sends a request to the registry or to where it pointed. Redirects are followed: by GET and
    /// HEAD any, by requests without a streamed body those that keep the method (307, 308).
    /// A 401 that better credentials cannot mend becomes errc::registry_unauthorized; every other
    /// status is the caller's. What may pass (retry_policy) is tried again, unless it has a
    /// streamed body: that is begun once; where credentials had to be renewed under it, throws
    /// credentials_renewed.
    boost::asio::awaitable<transport::http_response> send(
        transport::http_request request,
        const asked& why,
        repetition repeats = repetition::allowed);

    /// The content of a blob, streamed. Throws `error` when the registry does not give it.
    boost::asio::awaitable<std::unique_ptr<byte_source>>
    read_blob(std::string repository, digest content);

    /// https://host/v2/<repository>/<rest>.
    transport::url api(std::string_view repository, std::string_view rest) const;
    const std::string& host() const noexcept { return at_.host; }
    const transport::origin& where() const noexcept { return at_.at; }
    /// Shared by all uploads to this registry.
    upload_habits& habits() noexcept { return habits_; }
    retrier& tries() noexcept { return retrier_; }
    upload_slots& slots() noexcept { return slots_; }
    /// Held by whoever rewrites a list of referrers.
    async::slots& referrers_turn() noexcept { return referrers_turn_; }
    boost::asio::awaitable<chunk_memory> memory_for_chunk(std::size_t bytes);

private:
    enum class opening { not_yet, under_way, done, failed };

    /// One exchange, with the cookies of the registry and an eye on its warnings.
    boost::asio::awaitable<transport::http_response> exchange(transport::http_request request);
    void heed(const transport::http_response& response, const transport::url& asked_at);
    boost::asio::awaitable<void> ping();
    boost::asio::awaitable<transport::http_response> get_v2();
    /// get_v2() until the registry is not overloaded.
    boost::asio::awaitable<transport::http_response> first_answer();
    /// One try, along redirects.
    boost::asio::awaitable<transport::http_response>
    send_once(transport::http_request request, const asked& why);
    /// Sends with credentials; once more with better ones where the first were refused.
    boost::asio::awaitable<transport::http_response>
    send_authorized(const transport::http_request& request, const asked& why);
    /// Where a redirect leads; nullopt if the response is none. Throws errc::registry_protocol.
    std::optional<transport::url>
    redirect_of(const transport::http_response& response, const transport::url& asked_at) const;

    transport::http_client& http_;
    endpoint at_;
    auth::authorizer authorizer_;
    retrier retrier_;
    upload_habits habits_;
    upload_slots slots_;
    cookie_jar cookies_;
    warning_notes warnings_;
    async::slots referrers_turn_;
    std::function<void(const std::string&)> warn_;
    std::function<boost::asio::awaitable<chunk_memory>(std::size_t)> memory_for_chunks_;
    opening opening_ = opening::not_yet;
    std::exception_ptr opening_failed_;
    async::condition opened_;
};

} // namespace tarpon::registry
