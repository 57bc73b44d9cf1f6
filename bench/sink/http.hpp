// HTTP/1.1 as far as the clients of registries need it: one request after the other on a link.
#pragma once

#include "sink/link.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::sink {

struct request {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;   ///< percent-decoded
    std::map<std::string, std::string> headers; ///< names in lower case
    bool keep_alive = true;

    std::string_view header(const std::string& name) const;
    std::string_view parameter(const std::string& name) const;
};

struct response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
};

/// Told of the bytes of a body while it says that it wants more; then, and without one, they are
/// dropped unseen.
using body_reader = std::function<bool(std::span<const char>)>;

class http_stream {
public:
    explicit http_stream(shaped_link& over)
        : link_(over) {}

    /// Throws link_closed, also for what is not HTTP.
    request read_head();
    /// Reads the body of the request whose head was read last; returns its size.
    std::uint64_t read_body(const request& head, const body_reader& reader);
    void write(const request& head, const response& answer);

private:
    std::string_view read_line();
    std::uint64_t take(std::uint64_t count, const body_reader& reader, bool& wanted);
    void fill();

    shaped_link& link_;
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace tarpon::sink
