// One request and its response on one connection.
//
// While a streamed body is being sent the connection is also read: a server that refuses early
// (401, 413) is heard at once, instead of after gigabytes or a broken pipe.
#pragma once

#include "transport/connection.hpp"
#include "transport/http_message.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace tarpon::transport {

/// How an exchange ended. A broken connection is an outcome, not an exception: whether the request
/// may be tried again depends on what is told here.
struct exchange_outcome {
    std::optional<http_response> response;
    std::optional<error> failed; ///< set when there is no response
    bool reusable = false;       ///< the connection may serve another request
    bool body_begun = false;     ///< pieces were taken from the streamed body
    bool answer_begun = false;   ///< at least one byte of the answer came
};

/// Throws only what the body source throws, and operation_aborted when cancelled; the connection
/// is closed then. `request` and its stream must stay until completion.
boost::asio::awaitable<exchange_outcome> exchange(connection& over, const http_request& request);

/// How long the answer to a request may take once it is out.
std::chrono::steady_clock::duration
answer_time(const connection& over, const http_request& request);

/// The head of a request as it must be on this connection (a forwarding proxy wants more).
std::string head_on(const connection& over, const http_request& request);

/// What it means that reading an answer of `peer` failed: not HTTP, or a broken connection.
error receive_failure(const origin& peer, const boost::system::error_code& ec);

} // namespace tarpon::transport
