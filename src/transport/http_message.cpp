// See http_message.hpp.
#include "transport/http_message.hpp"

#include "model/text.hpp"

#include <tarpon/error.hpp>

#include <algorithm>

namespace tarpon::transport {
namespace {

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

void add_header(std::string& head, std::string_view name, std::string_view value) {
    if (has_control(name) || has_control(value))
        throw error(
            errc::internal,
            concat("control characters in the request header ", foreign_text(name)));
    head += concat(name, ": ", value, "\r\n");
}

bool needs_length(std::string_view method) {
    return method == "POST" || method == "PUT" || method == "PATCH";
}

} // namespace

std::string_view http_response::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (iequals(key, name))
            return value;
    return {};
}

std::string
request_head(const http_request& request, bool to_proxy, std::string_view proxy_authorization) {
    if (has_control(request.to.target) || request.to.target.find(' ') != std::string::npos)
        throw error(errc::internal, "blanks or control characters in a request target");
    std::string head = concat(
        request.method, " ", to_proxy ? concat("http://", request.to.at.host_header()) : "",
        request.to.target, " HTTP/1.1\r\n");
    add_header(head, "Host", request.to.at.host_header());
    if (!proxy_authorization.empty())
        add_header(head, "Proxy-Authorization", proxy_authorization);
    add_header(head, "User-Agent", "tarpon/" TARPON_VERSION);
    add_header(head, "Accept-Encoding", "identity");
    for (const auto& [name, value] : request.headers)
        add_header(head, name, value);
    const auto length = request.stream ? request.stream->length()
                                       : std::optional<std::uint64_t>(request.body.size());
    if (!length)
        add_header(head, "Transfer-Encoding", "chunked");
    else if (request.stream || !request.body.empty() || needs_length(request.method))
        add_header(head, "Content-Length", std::to_string(*length));
    return head + "\r\n";
}

} // namespace tarpon::transport
