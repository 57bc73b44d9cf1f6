// See http_connection.hpp. The head is read and checked here (request_framing); Beast then parses
// it and the body.
#include "server/http_connection.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"
#include "server/minimum_rate.hpp"
#include "server/request_framing.hpp"
#include "server/tls_handshake.hpp"
#include "transport/response_head.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>

#include <array>
#include <charconv>

namespace tarpon::server {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

using request_parser = http::request_parser<http::buffer_body>;

constexpr std::size_t buffer_bytes_max = 128 * 1024; // bounds chunk lines and trailers too
constexpr std::chrono::seconds parting_time{2};
/// Clients that write all of a body before they read are to get its answer.
constexpr std::chrono::seconds drain_time{10};

/// The body of a request, which has to keep coming.
class request_body final : public byte_source {
public:
    request_body(
        transport::stream& stream,
        boost::beast::flat_buffer& received,
        request_parser& parser,
        const connection_times& times,
        std::uint64_t& bytes)
        : stream_(stream)
        , idle_(times.idle)
        , rate_(times.body_bytes_min, times.idle)
        , bytes_(bytes)
        , received_(received)
        , parser_(parser)
        , limit_(stream.get_executor(), [&stream] { stream.close(); }) {}

    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        if (begun_is_due_) {
            begun_is_due_ = false;
            static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            limit_.arm(idle_);
            (void)co_await asio::async_write(stream_, asio::buffer(go_on), async::nothrow);
        }
        while (!parser_.is_done()) {
            parser_.get().body().data = into.data();
            parser_.get().body().size = into.size();
            limit_.arm(rate_.allowed());
            const auto begun = std::chrono::steady_clock::now();
            const auto got =
                co_await http::async_read_some(stream_, received_, parser_, async::nothrow);
            limit_.disarm();
            const error_code ec = std::get<0>(got);
            if (ec && ec != http::error::need_buffer)
                throw error(
                    errc::transport_closed,
                    limit_.expired() ? "the request's body came too slowly"
                                     : "the request's body broke off",
                    foreign_text(ec.message()));
            const std::size_t size = into.size() - parser_.get().body().size;
            rate_.note(size, std::chrono::steady_clock::now() - begun);
            bytes_ += size;
            if (size > 0)
                co_return size;
        }
        co_return std::size_t{0};
    }

    /// The client waits for a "100 Continue" before it sends its body.
    void expect_continue() { begun_is_due_ = true; }

private:
    transport::stream& stream_;
    std::chrono::milliseconds idle_;
    minimum_rate rate_;
    std::uint64_t& bytes_;
    boost::beast::flat_buffer& received_;
    request_parser& parser_;
    async::deadline limit_;
    bool begun_is_due_ = false;
};

std::string head_text(const server_response& response) {
    std::string text = concat("HTTP/1.1 ", response.status, " ");
    const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
    text += concat(std::string_view(reason.data(), reason.size()), "\r\n");
    for (const auto& [name, value] : response.headers)
        text += concat(name, ": ", value, "\r\n");
    return text;
}

/// `to` is what others will see of the request.
void note_request(const http::request<http::buffer_body>& message, request_record& to) {
    const auto text_of = [](boost::beast::string_view text) {
        return std::string_view(text.data(), text.size());
    };
    const std::string_view target = text_of(message.target());
    to.method = text_of(message.method_string());
    to.path = foreign_text(target.substr(0, target.find('?')), limits::logged_path_bytes_max);
    to.agent =
        foreign_text(text_of(message[http::field::user_agent]), limits::logged_agent_bytes_max);
}

std::string hex_of(std::size_t number) {
    std::array<char, 20> digits{};
    return {
        digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr};
}

void limit_chunk_lines(
    request_parser& parser,
    std::function<void(std::uint64_t, boost::beast::string_view, error_code&)>& callback) {
    callback = [](std::uint64_t, boost::beast::string_view extension, error_code& ec) {
        if (extension.size() > limits::chunk_line_bytes_max)
            ec = http::make_error_code(http::error::bad_chunk_extension);
    };
    parser.on_chunk_header(callback);
}

} // namespace

/// Chunked, or for HTTP/1.0 until the connection closes. Always the connection's last answer: what
/// is left of a body that a handler did not want cannot be told from a next request.
class http_connection::answer_stream final : public streamed_answer {
public:
    answer_stream(http_connection& connection, bool chunked)
        : connection_(connection)
        , chunked_(chunked) {}

    asio::awaitable<void> begin(server_response head) override {
        begun_ = true;
        connection_.now_.status = head.status;
        std::string text = head_text(head);
        text += chunked_ ? "Transfer-Encoding: chunked\r\n" : "";
        text += "Connection: close\r\n\r\n";
        co_await put(std::move(text));
    }

    asio::awaitable<void> write(std::string piece) override {
        if (piece.empty())
            co_return;
        if (chunked_)
            piece = concat(hex_of(piece.size()), "\r\n", piece, "\r\n");
        co_await put(std::move(piece));
    }

    bool begun() const override { return begun_; }

    asio::awaitable<void> gone() override {
        // Read, not looked at: under TLS, bytes on the socket may be its farewell.
        auto& received = connection_.received_;
        bool more = received.size() > 0;
        if (!more) {
            const auto room = received.prepare(1024);
            const auto got = co_await connection_.stream_.async_read_some(room, async::nothrow);
            received.commit(std::get<1>(got));
            co_await async::throw_if_stopped();
            more = !std::get<0>(got);
        }
        if (more) {
            // Another request behind this one: whoever sent it is still there, as far as we know.
            asio::steady_timer for_ever(
                connection_.stream_.get_executor(), asio::steady_timer::time_point::max());
            co_await for_ever.async_wait(asio::use_awaitable);
        }
    }

    void refuse_rest() override {
        error_code ignored;
        auto& socket = connection_.stream_.socket();
        socket.shutdown(asio::ip::tcp::socket::shutdown_receive, ignored);
    }

    asio::awaitable<bool> end() {
        if (!chunked_)
            co_return true;
        co_return co_await connection_.write_text("0\r\n\r\n");
    }

private:
    asio::awaitable<void> put(std::string text) {
        const bool sent = co_await connection_.write_text(std::move(text));
        co_await async::throw_if_stopped();
        if (!sent)
            throw error(errc::transport_closed, "the client does not take its answer any more");
    }

    http_connection& connection_;
    bool chunked_;
    bool begun_ = false;
};

std::string_view server_request::header(std::string_view name) const {
    const auto found = headers.find(boost::beast::string_view(name.data(), name.size()));
    return found == headers.end() ? std::string_view()
                                  : std::string_view(found->value().data(), found->value().size());
}

server_response& server_response::with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
}

http_connection::http_connection(
    transport::stream stream, async::cpu_pool& workers, connection_times times)
    : stream_(std::move(stream))
    , workers_(workers)
    , times_(times)
    , received_(buffer_bytes_max) {}

std::optional<std::chrono::steady_clock::time_point> http_connection::idle_since() const noexcept {
    return busy_ || received_.size() > 0 ? std::nullopt : std::optional(waiting_since_);
}

void http_connection::stop() {
    stopping_ = true;
    if (!busy_ || parting_)
        stream_.close();
}

/// 0: nothing more comes, or what came was refused already.
asio::awaitable<std::size_t> http_connection::read_head() {
    auto give_up = [this] {
        stream_.close();
    };
    async::deadline limit(stream_.get_executor(), give_up);
    // A new connection was made for a request; one that was used may wait for its next.
    bool begun = std::exchange(first_, false) || received_.size() > 0;
    limit.arm(begun ? times_.head : times_.idle);
    std::size_t searched = 0;
    while (true) {
        const auto data = received_.data();
        const std::string_view text(static_cast<const char*>(data.data()), data.size());
        // A head with bare line feeds counts as ended, so that it can be refused now.
        const std::size_t from = searched < 3 ? 0 : searched - 3; // where an end may have begun
        if (const std::size_t length = transport::head_length(text.substr(from)); length > 0)
            co_return from + length;
        searched = text.size();
        if (!text.empty() && (text.front() < 'A' || text.front() > 'Z')) {
            // Mostly a TLS handshake: clients that try https first should not have to wait.
            co_await refuse(
                400, stream_.is_tls() ? "HTTP is spoken here" : "plain HTTP is spoken here");
            co_return std::size_t{0};
        }
        if (text.size() >= limits::request_header_bytes_max) {
            co_await refuse(431, "the request head is too long");
            co_return std::size_t{0};
        }
        const auto room = received_.prepare(4096);
        const auto got = co_await stream_.async_read_some(room, async::nothrow);
        if (std::get<0>(got))
            co_return std::size_t{0};
        received_.commit(std::get<1>(got));
        if (!std::exchange(begun, true))
            limit.arm(times_.head);
    }
}

asio::awaitable<bool> http_connection::write_text(std::string text, std::string_view more) {
    auto give_up = [this] {
        stream_.close();
    };
    async::deadline limit(stream_.get_executor(), give_up);
    limit.arm(times_.idle);
    const std::array<asio::const_buffer, 2> parts{
        asio::buffer(text), asio::buffer(more.data(), more.size())};
    const auto got = co_await asio::async_write(stream_, parts, async::nothrow);
    now_.bytes_out += std::get<1>(got);
    co_return !std::get<0>(got);
}

asio::awaitable<bool> http_connection::write_file(const server_response& response) {
    std::string piece;
    for (std::uint64_t at = 0; at < response.content_bytes;) {
        piece.resize(static_cast<std::size_t>(
            std::min<std::uint64_t>(limits::server_piece_bytes, response.content_bytes - at)));
        auto read = [&response, &piece, at] {
            return response.content->read_at(
                response.content_begin + at, std::as_writable_bytes(std::span(piece)));
        };
        const std::size_t got = co_await async::run_on(workers_.get_executor(), read);
        if (got == 0)
            co_return false; // it became shorter: breaking off is the only honest end
        piece.resize(got);
        at += got;
        const bool sent = co_await write_text(std::move(piece));
        if (!sent)
            co_return false;
        piece = {};
    }
    co_return true;
}

asio::awaitable<bool>
http_connection::write(const server_response& response, bool head_only, bool keep_alive) {
    now_.status = response.status;
    std::string text = head_text(response);
    const std::uint64_t length = response.content ? response.content_bytes : response.body.size();
    const bool has_length =
        std::any_of(response.headers.begin(), response.headers.end(), [](const auto& h) {
            return iequals(h.first, "Content-Length");
        });
    if (!has_length && response.status != 204 && response.status != 304)
        text += concat("Content-Length: ", length, "\r\n");
    text += concat("Connection: ", keep_alive ? "keep-alive" : "close", "\r\n\r\n");
    const bool with_body = !head_only && !response.content;
    const bool head_sent =
        co_await write_text(std::move(text), with_body ? response.body : std::string_view());
    if (!head_sent || head_only || !response.content)
        co_return head_sent;
    co_return co_await write_file(response);
}

asio::awaitable<void> http_connection::refuse(unsigned status, std::string_view why) {
    server_response response;
    response.status = status;
    response.body = concat(why, "\n");
    response.with("Content-Type", "text/plain; charset=utf-8");
    now_.complete = co_await write(response, false, false);
    co_await part_gently();
}

/// So that the client can tell the end from a connection that was cut. Under a deadline.
asio::awaitable<void> http_connection::say_goodbye() {
    auto* const tls = stream_.tls();
    if (tls && stream_.socket().is_open() && !std::exchange(said_goodbye_, true))
        (void)co_await tls->async_shutdown(async::nothrow);
}

/// Closing with unread input would reset the connection and could destroy the response on its way.
asio::awaitable<void> http_connection::part_gently() {
    auto give_up = [this] {
        stream_.close();
    };
    async::deadline limit(stream_.get_executor(), give_up);
    limit.arm(parting_time);
    co_await say_goodbye();
    error_code ignored;
    stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    parting_ = true;
    limit.arm(stopping_ ? parting_time : drain_time);
    std::array<char, 16 * 1024> rest;
    while (true) {
        const auto got =
            co_await stream_.socket().async_read_some(asio::buffer(rest), async::nothrow);
        if (std::get<0>(got))
            break;
    }
}

asio::awaitable<http_connection::next_step>
http_connection::serve_one(const request_handler& handle, std::size_t head_bytes) {
    const auto data = received_.data();
    const std::string_view head(static_cast<const char*>(data.data()), head_bytes);
    if (const auto checked = check_request_head(head); !checked) {
        co_await refuse(400, checked.error().message);
        co_return next_step::close;
    }
    request_parser parser;
    std::function<void(std::uint64_t, boost::beast::string_view, error_code&)> on_chunk;
    parser.header_limit(static_cast<std::uint32_t>(limits::request_header_bytes_max + 1024));
    parser.body_limit(boost::none);
    limit_chunk_lines(parser, on_chunk);
    error_code ec;
    const std::size_t used = parser.put(asio::buffer(head.data(), head.size()), ec);
    if (ec || !parser.is_header_done()) {
        co_await refuse(400, "the request head is malformed");
        co_return next_step::close;
    }
    received_.consume(used);
    const auto& message = parser.get();
    note_request(message, now_);
    request_body body(stream_, received_, parser, times_, now_.bytes_in);
    const auto expectation = message.find(http::field::expect);
    if (expectation != message.end()
        && iequals(std::string_view(expectation->value()), "100-continue"))
        body.expect_continue();
    std::optional<std::uint64_t> length;
    if (!parser.chunked())
        length = parser.content_length().value_or(0);
    answer_stream answer(*this, message.version() == 11);
    server_request request{std::string(message.method_string()),
                           std::string(message.target()),
                           message,
                           body,
                           length,
                           answer};
    request.client = client_;
    server_response response = co_await handle(request);
    now_.user = request.user;
    const bool whole = parser.is_done();
    if (answer.begun()) {
        now_.complete = co_await answer.end();
        if (now_.complete)
            co_await part_gently();
        co_return next_step::close;
    }
    const bool keep_alive = whole && message.keep_alive() && !stopping_;
    const bool sent = co_await write(response, request.method == "HEAD", keep_alive);
    now_.complete = sent;
    if (sent && !whole)
        co_await part_gently();
    co_return sent&& keep_alive ? next_step::request : next_step::close;
}

/// Tells of a request when it has ended in whatever way; a connection that ended before there was
/// one is none.
struct http_connection::report_at_end {
    http_connection& of;
    mutable std::optional<std::chrono::steady_clock::time_point> begun = {};

    ~report_at_end() {
        request_record& now = of.now_;
        if (!of.on_served || (!begun && now.status == 0))
            return;
        if (begun) {
            const std::chrono::duration<double> took = std::chrono::steady_clock::now() - *begun;
            now.seconds = took.count();
        }
        of.on_served(now);
    }
};

asio::awaitable<void> http_connection::run(const request_handler& handle) {
    error_code ignored; // the client may be gone already: what comes next will tell
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    client_ = stream_.socket().remote_endpoint(ignored).address();
    if (stream_.tls()) {
        const bool secured = co_await shake_hands(stream_, times_.handshake);
        if (!secured)
            co_return;
    }
    for (auto next = next_step::request; next == next_step::request;) {
        busy_ = false;
        waiting_since_ = std::chrono::steady_clock::now();
        now_ = {};
        now_.client = client_.to_string();
        const report_at_end report{*this};
        const std::size_t head = co_await read_head();
        if (head == 0)
            break;
        busy_ = true;
        report.begun = std::chrono::steady_clock::now();
        next = co_await serve_one(handle, head);
    }
    auto give_up = [this] {
        stream_.close();
    };
    async::deadline limit(stream_.get_executor(), give_up);
    limit.arm(parting_time);
    co_await say_goodbye();
    stream_.close();
}

} // namespace tarpon::server
