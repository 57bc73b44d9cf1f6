// A request as handlers see it, and what they answer.
#pragma once

#include "model/byte_stream.hpp"
#include "server/files.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/fields.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::server {

struct server_request {
    std::string method;
    std::string target;
    const boost::beast::http::fields& headers;
    byte_source& body;                           ///< ends at the end of the request's body
    std::optional<std::uint64_t> content_length; ///< nullopt when chunked

    std::string_view header(std::string_view name) const;
};

struct server_response {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// Sent instead of `body`: this many bytes of a file.
    std::optional<file> content;
    std::uint64_t content_bytes = 0;

    server_response& with(std::string name, std::string value);
};

using request_handler = std::function<boost::asio::awaitable<server_response>(server_request&)>;

} // namespace tarpon::server
