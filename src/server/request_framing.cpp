// See request_framing.hpp.
#include "server/request_framing.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::server {
namespace {

failure bad(std::string_view why) {
    return {errc::registry_protocol, std::string(why)};
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool is_field_value(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || c == '\t';
    });
}

/// HOST[:PORT], loosely: what no reader would cut into user, path or a second host.
bool is_host_value(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || std::string_view("-._~:[]").find(c) != std::string_view::npos;
    });
}

result<void> check_request_line(std::string_view line, bool& http_1_1) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == line.npos || first == last)
        return bad("the request line has not three parts");
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!is_token(method) || method.size() > 32)
        return bad("the method is malformed");
    if (target.size() > limits::request_target_bytes_max)
        return bad("the request target is too long");
    if (!target.starts_with('/') || !is_visible_ascii(target) || target.find('#') != target.npos)
        return bad("the request target is malformed");
    if (version != "HTTP/1.1" && version != "HTTP/1.0")
        return bad("only HTTP/1.0 and HTTP/1.1 are spoken here");
    http_1_1 = version == "HTTP/1.1";
    return {};
}

/// What the framing of the body depends on, collected over all headers.
struct framing {
    int hosts = 0;
    bool host_is_one = true;
    int lengths = 0;
    int encodings = 0;
    bool chunked_only = true;
    bool length_is_number = true;
};

void note(std::string_view name, std::string_view value, framing& seen) {
    if (iequals(name, "Host")) {
        ++seen.hosts;
        seen.host_is_one &= is_host_value(value);
    } else if (iequals(name, "Content-Length")) {
        ++seen.lengths;
        const bool digits =
            std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
        seen.length_is_number &= digits && value.size() <= 18 && !value.empty();
    } else if (iequals(name, "Transfer-Encoding")) {
        ++seen.encodings;
        seen.chunked_only &= iequals(value, "chunked");
    }
}

result<void> check_field(std::string_view line, framing& seen) {
    if (line.starts_with(' ') || line.starts_with('\t'))
        return bad("a header line is folded");
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)))
        return bad("a header name is malformed");
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_field_value(value))
        return bad("a header value holds control characters");
    note(line.substr(0, colon), value, seen);
    return {};
}

result<void> check_framing(const framing& seen, bool http_1_1) {
    if (seen.hosts > 1 || (http_1_1 && seen.hosts == 0))
        return bad("there must be exactly one Host header");
    if (!seen.host_is_one)
        return bad("Host must be a host and a port");
    if (seen.lengths > 1 || !seen.length_is_number)
        return bad("Content-Length must be one plain number");
    if (seen.encodings > 1 || !seen.chunked_only)
        return bad("Transfer-Encoding must be exactly \"chunked\"");
    if (seen.encodings > 0 && !http_1_1)
        return bad("HTTP/1.0 has no Transfer-Encoding");
    if (seen.encodings > 0 && seen.lengths > 0)
        return bad("Content-Length and Transfer-Encoding exclude each other");
    return {};
}

} // namespace

result<void> check_request_head(std::string_view head) {
    bool http_1_1 = false;
    framing seen;
    std::size_t lines = 0;
    while (true) {
        const std::size_t end = head.find('\n');
        if (end == head.npos)
            return bad("the request head has no end");
        if (end == 0 || head[end - 1] != '\r')
            return bad("a line ends with a bare line feed");
        const std::string_view line = head.substr(0, end - 1);
        if (line.find('\r') != line.npos)
            return bad("a bare carriage return");
        head.remove_prefix(end + 1);
        if (lines > 0 && line.empty())
            break;
        if (lines > limits::request_headers_max)
            return bad("too many headers");
        auto checked = lines == 0 ? check_request_line(line, http_1_1) : check_field(line, seen);
        if (!checked)
            return checked;
        ++lines;
    }
    if (!head.empty())
        return bad("something follows the request head");
    return check_framing(seen, http_1_1);
}

} // namespace tarpon::server
