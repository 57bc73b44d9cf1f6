// A request as handlers see it, and what they answer.
#pragma once

#include "model/byte_stream.hpp"
#include "server/files.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::server {

struct server_response {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// Sent instead of `body`: this many bytes of a file, from here on.
    std::optional<file> content;
    std::uint64_t content_begin = 0;
    std::uint64_t content_bytes = 0;

    server_response& with(std::string name, std::string value);
};

/// An answer that goes out piece by piece while its handler still works, also while the request's
/// body still comes in. The handler returns any response at its end; a begun answer is ended then.
class streamed_answer {
public:
    virtual ~streamed_answer() = default;
    /// Sends status and headers of `head`; its body is not used. Once, before any piece.
    virtual boost::asio::awaitable<void> begin(server_response head) = 0;
    /// Both throw errc::transport_closed when the client is gone.
    virtual boost::asio::awaitable<void> write(std::string piece) = 0;
    virtual bool begun() const = 0;
    /// Completes when the client closes the connection. Not while the request's body is read.
    virtual boost::asio::awaitable<void> gone() = 0;
    /// No more of the request's body is wanted: a read that waits for it fails now, later ones fail
    /// at once. The answer can still be written.
    virtual void refuse_rest() = 0;
};

struct server_request {
    std::string method;
    std::string target;
    const boost::beast::http::fields& headers;
    byte_source& body;                           ///< ends at the end of the request's body
    std::optional<std::uint64_t> content_length; ///< nullopt when chunked
    streamed_answer& answer;
    std::string user = {};                ///< who asks, once that is known; empty: anybody
    boost::asio::ip::address client = {}; ///< of the connection: a proxy's, where there is one

    std::string_view header(std::string_view name) const;
};

using request_handler = std::function<boost::asio::awaitable<server_response>(server_request&)>;

} // namespace tarpon::server
