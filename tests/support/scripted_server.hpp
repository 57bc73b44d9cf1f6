// An HTTP/1.1 server on loopback that does what a test says, right or wrong.
//
// It runs in the test's io_context and ends with its object. A script sees every request twice:
// when its head is there (and may answer, cut or stall at once), and when its body is.
#pragma once

#include "async/condition.hpp"
#include "support/test_certificates.hpp"
#include "transport/url.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::test {

using header_list = std::vector<std::pair<std::string, std::string>>;

struct seen_request {
    std::string method;
    std::string target;
    header_list headers;
    std::string body; ///< without its framing; not kept in the log
    std::uint64_t body_bytes = 0;
    bool complete = false;      ///< all of the body came
    std::size_t connection = 0; ///< counted from 1

    std::string_view header(std::string_view name) const;
    std::string_view path() const;
    std::string_view query() const;
    /// A parameter of the query, percent-decoded.
    std::optional<std::string> parameter(std::string_view name) const;
    /// Each time it is there.
    std::vector<std::string> parameters(std::string_view name) const;
};

/// Holds answers back until the test opens it.
class gate {
public:
    explicit gate(boost::asio::io_context& io)
        : changed_(io.get_executor()) {}
    void open();
    boost::asio::awaitable<void> wait();
    /// How many wait.
    std::size_t waiting() const noexcept { return waiting_; }

private:
    async::condition changed_;
    std::size_t waiting_ = 0;
    bool open_ = false;
};

struct answer {
    enum class framing { length, chunked, until_close };
    /// What comes after the answer. `drain` reads and drops until the client closes; `stall`
    /// neither reads nor sends until the server is gone.
    enum class next { request, close, reset, drain, stall };

    int status = 200;
    header_list headers;
    std::string body;
    framing how = framing::length;
    std::optional<std::uint64_t> stated_length; ///< a Content-Length that is not the body's
    std::optional<std::string> raw;             ///< these bytes and nothing else
    std::string before;                         ///< bytes in front, such as 1xx heads
    bool bytewise = false;
    std::optional<std::size_t> bytes_max; ///< of the answer; then it is cut
    next then = next::request;
    std::shared_ptr<gate> held_by;
    /// For an answer given at the head: bytes of the body that are read first. The rest is not
    /// read as a request: `next::request` counts as `drain` if there is any.
    std::size_t body_bytes_first = 0;
    /// A body that is complete by then is answered by on_request instead.
    bool only_to_more = false;

    static answer with(int status, std::string body = {}, std::string type = "text/plain");
    static answer json(int status, std::string body);
    /// No answer at all.
    static answer none(next then);
    static answer bytes(std::string raw, next then = next::close);

    answer& header(std::string name, std::string value);
    /// Resets the connection after `count` bytes of the request's body (at the head only).
    answer& after_body_bytes(std::size_t count);
};

class scripted_server {
public:
    struct script {
        /// nullopt: read the body and ask on_request.
        std::function<std::optional<answer>(const seen_request&)> on_head;
        std::function<answer(const seen_request&)> on_request;
        /// The connection ended within the body, or an answer at the head does not wait for the
        /// rest.
        std::function<void(const seen_request&)> on_broken;
    };

    scripted_server(
        boost::asio::io_context& io, script with, std::optional<tls_identity> tls = std::nullopt);
    scripted_server(
        boost::asio::io_context& io,
        std::function<answer(const seen_request&)> on_request,
        std::optional<tls_identity> tls = std::nullopt);
    ~scripted_server();
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;

    std::uint16_t port() const noexcept;
    /// "127.0.0.1:40123", as in references.
    std::string host() const;
    transport::origin origin() const;
    transport::url url(std::string_view target) const;

    /// Requests in the order their heads came.
    const std::deque<seen_request>& log() const noexcept;
    /// "GET /v2/, HEAD /x", for assertions on the whole conversation.
    std::string conversation() const;
    std::size_t connections() const noexcept;
    std::size_t connections_open() const noexcept;
    std::uint64_t body_bytes() const noexcept;

    /// Closes the connections on which no request is under way, as a server does after a while.
    void close_idle();

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace tarpon::test
