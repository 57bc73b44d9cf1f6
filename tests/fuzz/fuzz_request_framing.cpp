// A request head that the embedded registry accepts is read by Beast, and by a plain reading of
// its lines, with the same framing: nothing can be smuggled between the two.
#include "fuzz.hpp"
#include "model/text.hpp"
#include "server/request_framing.hpp"

#include <tarpon/limits.hpp>

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <optional>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
namespace http = boost::beast::http;

struct plain_reading {
    std::string_view target;
    bool chunked = false;
    std::optional<std::uint64_t> length;
    std::size_t headers = 0;
};

/// Only for heads that were accepted: takes every line at its word.
plain_reading read_plainly(std::string_view head) {
    plain_reading seen;
    std::size_t end = head.find("\r\n");
    const std::string_view first = head.substr(0, end);
    const std::size_t blank = first.find(' ');
    seen.target = first.substr(blank + 1, first.rfind(' ') - blank - 1);
    for (head.remove_prefix(end + 2); !head.starts_with("\r\n"); head.remove_prefix(end + 2)) {
        end = head.find("\r\n");
        const std::size_t colon = head.find(':');
        const std::string_view name = head.substr(0, colon);
        const std::string_view value = trim(head.substr(colon + 1, end - colon - 1));
        ++seen.headers;
        if (iequals(name, "Content-Length"))
            seen.length = parse_decimal(value);
        if (iequals(name, "Transfer-Encoding"))
            seen.chunked = iequals(value, "chunked");
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto head = as_text(data, size);
    if (size > limits::request_header_bytes_max || !server::check_request_head(head))
        return 0;
    check(head.ends_with("\r\n\r\n"), "a head ends with an empty line");
    check(head.find("\r\n\r\n") == head.size() - 4, "and holds no other");
    const plain_reading seen = read_plainly(head);
    check(!(seen.chunked && seen.length), "one framing");

    http::request_parser<http::buffer_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits::request_header_bytes_max + 1024));
    parser.body_limit(boost::none);
    boost::system::error_code ec;
    const std::size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), ec);
    if (ec || !parser.is_header_done())
        return 0; // stricter still: http_connection answers 400
    check(used == head.size(), "Beast takes the same head");
    check(parser.chunked() == seen.chunked, "both agree on chunks");
    const auto length = parser.content_length();
    check(
        length.has_value() == seen.length.has_value()
            && (!length || *length == seen.length.value_or(0)),
        "both agree on the length");
    const bool body = seen.chunked || seen.length.value_or(0) > 0;
    check(parser.is_done() == !body, "both agree on whether a body follows");
    const auto target = parser.get().target();
    check(std::string_view(target.data(), target.size()) == seen.target, "and on the target");
    const auto fields = std::distance(parser.get().begin(), parser.get().end());
    check(static_cast<std::size_t>(fields) == seen.headers, "and on the number of headers");
    return 0;
}
