// PUT /push: an archive comes in as the body of a request and goes, as it comes, through the same
// engine as `tarpon push -` into the server's target. Nothing is written to disk.
#pragma once

#include "async/cpu_pool.hpp"
#include "server/http_types.hpp"
#include "server/push_feed.hpp"
#include "server/push_request.hpp"
#include "server/received_body.hpp"
#include "server/server_metrics.hpp"

#include <tarpon/options.hpp>
#include <tarpon/serve.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace tarpon::server {

/// By which the server knows its own pushes; made anew at every start, never shown to anyone.
struct own_login {
    std::string username;
    std::string password;
};

class push_service {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    /// `options.registry` is where archives go; while it is empty they go to `set_target`.
    push_service(
        boost::asio::any_io_executor executor,
        const serve_options& options,
        server_metrics& metrics,
        log_function log);

    /// The embedded registry, as the engine reaches it: an address of loopback, and a login.
    void set_target(const std::string& address, const own_login& login);

    /// Answers with the lines of `tarpon push --json`, as they happen. Refused before the body is
    /// read: a bad query (400), an id in use (409), a body that is too large (413), too many
    /// pushes at a time (429), a server that is being stopped (503). A push whose end is known
    /// before its first result has that end's status; else the status is 200 and the last line
    /// tells. When the client goes away the push is cancelled, and throws errc::transport_closed.
    boost::asio::awaitable<server_response> push(server_request& request);

    /// GET /push/events?id=…: the same lines and samples of the progress, for a page whose browser
    /// does not read an answer before the body is sent. May come before the push.
    boost::asio::awaitable<server_response> watch(server_request& request);

    /// No further push is begun; nobody waits for the events of one.
    void begin_stop();
    /// Those under way end as interrupted: they tag nothing more, clean up, and say so.
    void interrupt();

    std::size_t running() const noexcept { return running_.size(); }
    std::size_t watchers() const noexcept { return watchers_; }

private:
    struct running_push {
        received_body* body;
        streamed_answer* answer;
    };
    using feed_ptr = std::shared_ptr<push_feed>;

    push_options options_for(destination where) const;
    /// The feed of this id, new if need be; nullptr if there are too many.
    feed_ptr feed_of(const std::string& id);
    /// What a push is refused with before it begins; nullopt: it may begin.
    std::optional<server_response>
    refuse(const server_request& request, const feed_ptr& feed) const;
    boost::asio::awaitable<server_response>
    receive(server_request& request, push_request wanted, feed_ptr feed);

    boost::asio::any_io_executor executor_;
    const serve_options& options_;
    server_metrics& metrics_;
    log_function log_;
    async::cpu_pool workers_; ///< of all pushes together
    std::string registry_;    ///< as destination::registry
    std::string own_host_;    ///< in references, where clients know us by another name
    own_login own_login_;
    std::list<running_push> running_;
    std::size_t watchers_ = 0;
    bool stopping_ = false;
    std::map<std::string, std::weak_ptr<push_feed>> feeds_;
};

} // namespace tarpon::server
