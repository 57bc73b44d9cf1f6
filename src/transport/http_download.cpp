// See http_download.hpp.
#include "transport/http_download.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"
#include "transport/http_exchange.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

namespace tarpon::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

struct http_download::state {
    explicit state(connection_lease held)
        : over(std::move(held))
        , limit(over->link.get_executor(), [this] { over->link.close(); }) {}

    connection_lease over;
    async::deadline limit;
    std::optional<http::response_parser<http::buffer_body>> parser;

    asio::awaitable<error_code> read_head();
    /// The error for a read that failed.
    error failed(const error_code& ec) const;
    /// At the end of the body: the connection may serve another request, if nothing speaks against.
    void give_back();
};

/// The head of the real answer; informational ones before it are skipped.
asio::awaitable<error_code> http_download::state::read_head() {
    for (int informational = 0; informational <= limits::informational_responses_max;
         ++informational) {
        parser.emplace();
        parser->header_limit(static_cast<std::uint32_t>(limits::response_header_bytes_max));
        parser->body_limit(boost::none);
        const auto got =
            co_await http::async_read_header(over->link, over->received, *parser, async::nothrow);
        const error_code ec = std::get<0>(got);
        if (ec || parser->get().result_int() >= 200)
            co_return ec;
    }
    co_return http::make_error_code(http::error::bad_status);
}

error http_download::state::failed(const error_code& ec) const {
    if (limit.expired())
        return error(
            errc::transport_timeout,
            concat("nothing moved on the connection to ", over->peer.host_header()));
    return receive_failure(over->peer, ec);
}

void http_download::state::give_back() {
    if (!over)
        return;
    const bool ambiguous =
        parser->chunked() && parser->get().count(http::field::content_length) > 0;
    const bool ends = parser->get().keep_alive() && !parser->need_eof() && !ambiguous;
    // Bytes after the answer would be taken for the next one.
    if (ends && over->received.size() == 0)
        over.keep();
}

http_download::http_download(connection_lease over)
    : state_(std::make_unique<state>(std::move(over))) {}
http_download::~http_download() = default;

asio::awaitable<std::unique_ptr<http_download>>
http_download::begin(connection_lease over, http_request request) {
    std::unique_ptr<http_download> made(new http_download(std::move(over)));
    state& s = *made->state_;
    ++s.over->exchanges;
    const std::string head = head_on(*s.over, request);
    s.limit.arm(answer_time(*s.over, request));
    const auto sent = co_await asio::async_write(s.over->link, asio::buffer(head), async::nothrow);
    error_code ec = std::get<0>(sent);
    if (!ec)
        ec = co_await s.read_head();
    s.limit.disarm();
    co_await async::throw_if_stopped();
    if (ec)
        throw s.failed(ec);
    made->head_.status = static_cast<int>(s.parser->get().result_int());
    for (const auto& field : s.parser->get())
        made->head_.headers.emplace_back(
            std::string(field.name_string()), std::string(field.value()));
    if (made->head_.status != 200) {
        made->head_.body.resize(limits::error_body_bytes_max);
        const std::size_t size =
            co_await read_full(*made, std::as_writable_bytes(std::span(made->head_.body)));
        made->head_.body.resize(size);
    }
    co_return made;
}

asio::awaitable<std::size_t> http_download::read_some(std::span<std::byte> into) {
    state& s = *state_;
    while (!s.parser->is_done()) {
        s.parser->get().body().data = into.data();
        s.parser->get().body().size = into.size();
        s.limit.arm(s.over->idle_time);
        const auto got = co_await http::async_read_some(
            s.over->link, s.over->received, *s.parser, async::nothrow);
        s.limit.disarm();
        co_await async::throw_if_stopped();
        const error_code ec = std::get<0>(got);
        if (ec && ec != http::error::need_buffer)
            throw s.failed(ec);
        const std::size_t size = into.size() - s.parser->get().body().size;
        if (size > 0)
            co_return size;
    }
    s.give_back();
    co_return std::size_t{0};
}

} // namespace tarpon::transport
