// Requests and responses as plain values, and the text of a request head. Pure.
#pragma once

#include "model/byte_stream.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tarpon::transport {

struct http_request {
    std::string method;
    url to;
    std::vector<std::pair<std::string, std::string>> headers;
    /// Sent with Content-Length. Ignored when `stream` is set.
    std::string body;
    /// A body of any size, borrowed: with Content-Length where its length is known, else chunked.
    body_source* stream = nullptr;

    /// More of a response's body than this is not read.
    std::size_t response_bytes_max = limits::error_body_bytes_max;
    /// How long the answer may take once the request is out.
    std::optional<std::chrono::steady_clock::duration> answer_time_max;
    bool commits = false; ///< the server may think for connection_options::commit_time
    /// Told of every piece of `stream` that went out.
    std::function<void(std::size_t)> on_sent;
};

struct http_response {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool body_cut = false;       ///< there was more than response_bytes_max
    bool ended_by_close = false; ///< no Content-Length, not chunked: may be truncated
    bool before_request = false; ///< came while the request's body was still being sent
    /// Who answered in the end, when redirects were followed on the way.
    std::optional<url> redirected_to;

    /// The first header of that name, in any case; empty if there is none.
    std::string_view header(std::string_view name) const;
    bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// Request line and headers, with Host, User-Agent, Accept-Encoding: identity and the framing of
/// the body. For a proxy that forwards the line holds the whole URL, and `proxy_authorization`
/// where it wants one. Throws errc::internal if a header could end its line early.
std::string request_head(
    const http_request& request, bool to_proxy = false, std::string_view proxy_authorization = {});

} // namespace tarpon::transport
