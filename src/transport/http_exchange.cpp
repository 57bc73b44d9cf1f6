// See http_exchange.hpp. Beast parses responses; what is sent is framed here, because a gathered
// write through asio's TLS stream would be cut into 8 KiB records.
#include "transport/http_exchange.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"
#include "transport/response_head.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

namespace tarpon::transport {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

using response_parser = http::response_parser<http::buffer_body>;

/// After the server stopped taking our bytes: how long to listen for its reason.
constexpr std::chrono::seconds parting_words_time{2};

constexpr std::size_t head_step = 4096; // read at a time

/// asio::async_write sends 64 KiB at a time unless it is told otherwise; a whole piece at a time
/// takes an eighth of the system calls (docs/performance.md). Whenever some of it has gone, the
/// limit begins anew: it is for a socket on which no byte moves.
struct as_much_as_it_takes {
    async::deadline& limit;
    std::chrono::steady_clock::duration time;

    std::size_t operator()(const error_code& ec, std::size_t) const {
        if (ec)
            return 0;
        limit.arm(time);
        return std::numeric_limits<std::size_t>::max();
    }
};

class conversation {
public:
    conversation(connection& over, const http_request& request)
        : over_(over)
        , request_(request)
        , send_limit_(over.link.get_executor(), [this] { over_.link.close(); })
        , answer_limit_(over.link.get_executor(), [this] { over_.link.close(); }) {}

    asio::awaitable<void> send();
    asio::awaitable<void> receive();
    exchange_outcome outcome();

    void rethrow_source_failure() const {
        if (source_failed_ && !answered_)
            std::rethrow_exception(source_failed_);
    }
    bool finished() const noexcept { return answered_ || source_failed_; }
    bool receiving_is_over() const noexcept { return received_; }

private:
    asio::awaitable<void> send_stream();
    asio::awaitable<error_code> write(std::span<const std::byte> bytes);
    asio::awaitable<error_code> write_chunk(std::span<const std::byte> bytes);
    asio::awaitable<error_code> write_piece(std::span<const std::byte> bytes, bool chunked);
    void mend_lines(std::string_view head, std::string_view rest);
    asio::awaitable<error_code> receive_head();
    asio::awaitable<error_code> read_head(std::optional<response_parser>& parser);
    asio::awaitable<error_code> read_body(response_parser& parser);
    void take_head(const response_parser& parser);
    void sending_ended(error_code ec);
    as_much_as_it_takes as_it_goes() { return {send_limit_, over_.idle_time}; }

    connection& over_;
    const http_request& request_;
    async::deadline send_limit_;
    async::deadline answer_limit_;
    http_response response_;
    error_code send_error_;
    error_code receive_error_;
    std::exception_ptr source_failed_;
    bool sent_ = false;
    bool received_ = false;
    bool answered_ = false;
    bool keep_alive_ = false;
    bool body_begun_ = false;
    bool answer_begun_ = false;
    bool early_ = false;      ///< the last head began before all of the request was sent
    bool bare_lines_ = false; ///< the head came with bare line feeds
};

asio::awaitable<error_code> conversation::write(std::span<const std::byte> bytes) {
    const auto got = co_await asio::async_write(
        over_.link, asio::buffer(bytes.data(), bytes.size()), as_it_goes(), async::nothrow);
    send_limit_.disarm();
    co_return std::get<0>(got);
}

asio::awaitable<error_code> conversation::write_chunk(std::span<const std::byte> bytes) {
    std::array<char, 20> size{};
    char* end = std::to_chars(size.data(), size.data() + 16, bytes.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    const asio::const_buffer head(size.data(), static_cast<std::size_t>(end - size.data()));
    const asio::const_buffer body(bytes.data(), bytes.size());
    const std::array<asio::const_buffer, 3> parts{head, body, asio::const_buffer("\r\n", 2)};
    error_code ec;
    if (!over_.link.is_tls()) {
        const auto got =
            co_await asio::async_write(over_.link, parts, as_it_goes(), async::nothrow);
        ec = std::get<0>(got);
    }
    for (std::size_t i = 0; over_.link.is_tls() && !ec && i < parts.size(); ++i) {
        const auto got =
            co_await asio::async_write(over_.link, parts[i], as_it_goes(), async::nothrow);
        ec = std::get<0>(got);
    }
    send_limit_.disarm();
    co_return ec;
}

/// All at once, or in slices as the rate allows.
asio::awaitable<error_code>
conversation::write_piece(std::span<const std::byte> bytes, bool chunked) {
    error_code ec;
    while (!ec && !bytes.empty()) {
        const std::size_t slice =
            over_.pace ? std::min(over_.pace->slice_bytes(), bytes.size()) : bytes.size();
        if (over_.pace)
            co_await over_.pace->wait_for(slice);
        if (chunked)
            ec = co_await write_chunk(bytes.first(slice));
        else
            ec = co_await write(bytes.first(slice));
        if (!ec && request_.on_sent)
            request_.on_sent(slice);
        bytes = bytes.subspan(slice);
    }
    co_return ec;
}

void conversation::sending_ended(error_code ec) {
    send_error_ = ec;
    sent_ = !ec;
    if (!received_)
        answer_limit_.arm(sent_ ? answer_time(over_, request_) : parting_words_time);
}

asio::awaitable<void> conversation::send() {
    std::string head = head_on(over_, request_);
    if (!request_.stream)
        head += request_.body;
    const error_code ec = co_await write(std::as_bytes(std::span(head.data(), head.size())));
    if (ec || !request_.stream) {
        sending_ended(ec);
        co_return;
    }
    try {
        co_await send_stream();
    } catch (const error&) {
        source_failed_ = std::current_exception();
    }
}

asio::awaitable<void> conversation::send_stream() {
    const auto length = request_.stream->length();
    const bool chunked = !length;
    std::uint64_t bytes = 0;
    error_code ec;
    // A body of known length ends with its last byte, at which the server may answer; its empty
    // piece may be late.
    while (!ec && bytes != length) {
        body_begun_ = true;
        const body_piece piece = co_await request_.stream->next();
        bytes += piece.bytes.size();
        if (length && (piece.empty() || bytes > *length))
            throw error(
                errc::digest_mismatch, concat(
                                           "content that should have ", *length, " bytes has ",
                                           piece.empty() ? "" : "at least ", bytes));
        if (piece.empty())
            break;
        over_.unsent.keep_little(over_.link.socket(), over_.bodies && *over_.bodies == 1);
        ec = co_await write_piece(piece.bytes, chunked);
    }
    if (!ec && chunked)
        ec = co_await write(std::as_bytes(std::span("0\r\n\r\n", 5)));
    sending_ended(ec);
}

void conversation::take_head(const response_parser& parser) {
    const auto& message = parser.get();
    response_.status = static_cast<int>(message.result_int());
    for (const auto& field : message)
        response_.headers.emplace_back(
            std::string(field.name_string()), std::string(field.value()));
    response_.before_request = early_;
    // Both framings at once is how responses are smuggled: such a connection is not used again.
    const bool ambiguous = parser.chunked() && !response_.header("Content-Length").empty();
    keep_alive_ = parser.keep_alive() && !ambiguous && !bare_lines_;
    response_.ended_by_close = parser.need_eof();
}

/// Both parts are in the buffer, which afterwards holds them as Beast takes them.
void conversation::mend_lines(std::string_view head, std::string_view rest) {
    const auto proper = with_proper_lines(head);
    bare_lines_ = proper.has_value();
    if (!proper)
        return;
    const std::string whole = concat(*proper, rest);
    auto& received = over_.received;
    received.clear();
    const auto room = received.prepare(whole.size());
    std::memcpy(room.data(), whole.data(), whole.size());
    received.commit(whole.size());
}

/// Reads until a head is there as Beast takes it.
asio::awaitable<error_code> conversation::receive_head() {
    auto& received = over_.received;
    bool begun = false;
    while (true) {
        const auto data = received.cdata();
        const std::string_view text(static_cast<const char*>(data.data()), data.size());
        if (!text.empty() && !std::exchange(begun, true)) {
            answer_begun_ = true;
            early_ = !sent_ && !send_error_;
        }
        if (!may_be_response(text))
            co_return http::make_error_code(http::error::bad_version);
        const std::size_t head = head_length(text);
        if (head == 0 && text.size() > limits::response_header_bytes_max)
            co_return http::make_error_code(http::error::header_limit);
        if (head > 0) {
            mend_lines(text.substr(0, head), text.substr(head));
            co_return error_code();
        }
        const auto room = received.prepare(head_step);
        const auto got = co_await over_.link.async_read_some(room, async::nothrow);
        received.commit(std::get<1>(got));
        // As Beast calls it, which must not read again: an end is told once.
        if (std::get<0>(got) == asio::error::eof)
            co_return http::make_error_code(
                received.size() == 0 ? http::error::end_of_stream : http::error::partial_message);
        if (std::get<0>(got))
            co_return std::get<0>(got);
    }
}

asio::awaitable<error_code> conversation::read_head(std::optional<response_parser>& parser) {
    for (int informational = 0; informational <= limits::informational_responses_max;
         ++informational) {
        parser.emplace();
        parser->header_limit(static_cast<std::uint32_t>(limits::response_header_bytes_max));
        parser->body_limit(boost::none);
        parser->skip(request_.method == "HEAD");
        const error_code failed = co_await receive_head();
        if (failed)
            co_return failed;
        const auto got =
            co_await http::async_read_header(over_.link, over_.received, *parser, async::nothrow);
        if (std::get<0>(got))
            co_return std::get<0>(got);
        const unsigned status = parser->get().result_int();
        if (bare_lines_ && status < 400)
            co_return http::make_error_code(http::error::bad_line_ending);
        if (status >= 200 || status == 101)
            co_return error_code();
    }
    co_return http::make_error_code(http::error::bad_status);
}

asio::awaitable<error_code> conversation::read_body(response_parser& parser) {
    std::array<char, 16 * 1024> piece;
    while (!parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        const auto got =
            co_await http::async_read(over_.link, over_.received, parser, async::nothrow);
        const error_code ec = std::get<0>(got);
        if (ec && ec != http::error::need_buffer)
            co_return ec;
        const std::size_t size = piece.size() - parser.get().body().size;
        const std::size_t room = request_.response_bytes_max - response_.body.size();
        response_.body.append(piece.data(), std::min(size, room));
        if (size > room) {
            response_.body_cut = true;
            keep_alive_ = false;
            break;
        }
        answer_limit_.arm(over_.idle_time);
    }
    co_return error_code();
}

asio::awaitable<void> conversation::receive() {
    std::optional<response_parser> parser;
    receive_error_ = co_await read_head(parser);
    if (!receive_error_) {
        take_head(*parser);
        answer_limit_.arm(over_.idle_time);
        receive_error_ = co_await read_body(*parser);
    }
    received_ = true;
    answered_ = !receive_error_;
    answer_limit_.disarm();
}

exchange_outcome conversation::outcome() {
    exchange_outcome out;
    out.body_begun = body_begun_;
    out.answer_begun = answer_begun_;
    if (answered_) {
        // Bytes after the answer would be taken for the next one. A server that answered before it
        // had the request may not read what comes after it either. A forwarding proxy may close
        // after its answer without saying so (tinyproxy does), while the next body is already on
        // its way.
        out.reusable = sent_ && keep_alive_ && !response_.before_request && !over_.forwarded_by
                       && over_.received.size() == 0;
        out.response = std::move(response_);
        return out;
    }
    const std::string where = over_.peer.host_header();
    if (send_limit_.expired() || answer_limit_.expired()) {
        const bool waited = answer_limit_.expired() && sent_;
        out.failed.emplace(
            errc::transport_timeout, waited ? concat(where, " did not answer in time")
                                            : concat("nothing moved on the connection to ", where));
        return out;
    }
    out.failed = receive_failure(over_.peer, receive_error_);
    if (send_error_ && out.failed->code() == errc::transport_closed)
        out.failed = receive_failure(over_.peer, send_error_);
    return out;
}

// --- sending and receiving at once ---------------------------------------------------------------

enum class verdict { go_on, stop };

asio::awaitable<verdict> send_side(conversation& talk) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    co_await asio::this_coro::throw_if_cancelled(true);
    co_await talk.send();
    co_return talk.finished() ? verdict::stop : verdict::go_on;
}

asio::awaitable<verdict> receive_side(conversation& talk) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    co_await asio::this_coro::throw_if_cancelled(true);
    co_await talk.receive();
    co_return verdict::stop;
}

struct stop_when_told {
    asio::cancellation_type_t
    operator()(const std::exception_ptr& failed, verdict v) const noexcept {
        return failed || v == verdict::stop ? asio::cancellation_type::terminal
                                            : asio::cancellation_type::none;
    }
};

asio::awaitable<void> both_sides(conversation& talk) {
    const auto executor = co_await asio::this_coro::executor;
    auto sending = asio::co_spawn(executor, send_side(talk), asio::deferred);
    auto receiving = asio::co_spawn(executor, receive_side(talk), asio::deferred);
    auto group = asio::experimental::make_parallel_group(std::move(sending), std::move(receiving));
    const stop_when_told condition;
    const auto got = co_await group.async_wait(condition, async::nothrow);
    const std::exception_ptr send_failed = std::get<1>(got);
    const std::exception_ptr receive_failed = std::get<3>(got);
    // Stopping one side is how the other ends it; only what nobody asked for is passed on.
    if (!talk.finished() && !talk.receiving_is_over()) {
        if (send_failed)
            std::rethrow_exception(send_failed);
        if (receive_failed)
            std::rethrow_exception(receive_failed);
    }
}

} // namespace

std::chrono::steady_clock::duration
answer_time(const connection& over, const http_request& request) {
    return request.commits ? over.commit_time : request.answer_time_max.value_or(over.idle_time);
}

std::string head_on(const connection& over, const http_request& request) {
    const proxy* const via = over.forwarded_by;
    return request_head(request, via != nullptr, via ? via->authorization : std::string());
}

error receive_failure(const origin& peer, const error_code& ec) {
    const std::string where = peer.host_header();
    if (auto demand = certificate_demand(ec, peer))
        return *demand;
    const bool garbage = ec.category() == http::make_error_code(http::error::bad_status).category()
                         && ec != http::error::end_of_stream && ec != http::error::partial_message;
    if (garbage)
        return error(
            errc::registry_protocol, concat(where, " answered something that is not HTTP"),
            foreign_text(ec.message()));
    return error(
        errc::transport_closed, concat("the connection to ", where, " broke"),
        ec == http::error::end_of_stream ? "closed by the other side" : foreign_text(ec.message()));
}

asio::awaitable<exchange_outcome> exchange(connection& over, const http_request& request) {
    conversation talk(over, request);
    ++over.exchanges;
    struct close_on_throw {
        connection& over;
        bool armed = true;
        ~close_on_throw() {
            if (armed)
                over.link.close();
        }
    } guard{over};
    if (request.stream || !request.body.empty()) {
        co_await both_sides(talk);
    } else {
        co_await talk.send();
        co_await talk.receive();
    }
    co_await async::throw_if_stopped();
    talk.rethrow_source_failure();
    exchange_outcome out = talk.outcome();
    guard.armed = !out.reusable;
    co_return out;
}

} // namespace tarpon::transport
