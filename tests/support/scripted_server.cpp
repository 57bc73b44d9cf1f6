// See scripted_server.hpp. Parses requests by hand, so that a test can stop it at any byte.
#include "support/scripted_server.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"
#include "transport/stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <list>
#include <stdexcept>

namespace tarpon::test {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
constexpr std::size_t chunk_bytes = 1000;

class peer;

struct server_core {
    server_core(asio::io_context& on, scripted_server::script script)
        : io(on)
        , with(std::move(script))
        , acceptor(on, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}

    asio::io_context& io;
    scripted_server::script with;
    tcp::acceptor acceptor;
    std::optional<ssl::context> tls;
    std::deque<seen_request> log;
    std::list<std::shared_ptr<peer>> peers;
    std::size_t connections = 0;
    std::uint64_t body_bytes = 0;
};
using core_ptr = std::shared_ptr<server_core>;

std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = 0;
        if (text[i] == '%' && i + 2 < text.size()
            && std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr
                   == text.data() + i + 3) {
            out.push_back(static_cast<char>(byte));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

const char* reason_of(int status) {
    return status < 300 ? "Fine" : status < 400 ? "Elsewhere" : status < 500 ? "No" : "Broken";
}

/// An answer as it goes over the wire.
std::string render(const answer& what, const seen_request& asked) {
    if (what.raw)
        return *what.raw;
    std::string text = concat(
        what.before, "HTTP/1.1 ", what.status, " ", reason_of(what.status), "\r\nServer: test\r\n");
    bool framed = false;
    for (const auto& [name, value] : what.headers) {
        text += concat(name, ": ", value, "\r\n");
        framed |= iequals(name, "Content-Length");
    }
    const bool bodiless = what.status == 204 || what.status == 304 || asked.method == "HEAD";
    if (what.how == answer::framing::chunked)
        text += "Transfer-Encoding: chunked\r\n";
    else if (what.how == answer::framing::until_close)
        text += "Connection: close\r\n";
    else if (!framed && what.status != 204)
        text += concat("Content-Length: ", what.stated_length.value_or(what.body.size()), "\r\n");
    text += "\r\n";
    if (bodiless)
        return text;
    if (what.how != answer::framing::chunked)
        return text + what.body;
    for (std::size_t at = 0; at < what.body.size(); at += chunk_bytes) {
        const std::string piece = what.body.substr(at, chunk_bytes);
        char size[16];
        *std::to_chars(size, size + 15, piece.size(), 16).ptr = '\0';
        text += concat(size, ";x=y\r\n", piece, "\r\n");
    }
    return text + "0\r\n\r\n";
}

/// One connection.
class peer {
public:
    peer(core_ptr core, tcp::socket socket)
        : core_(std::move(core))
        , number_(++core_->connections)
        , closed_(core_->io.get_executor()) {
        socket.set_option(tcp::no_delay(true));
        if (!core_->tls) {
            link_.emplace(std::move(socket));
            return;
        }
        auto secured = std::make_unique<transport::tls_stream>(std::move(socket), *core_->tls);
        tls_ = secured.get();
        link_.emplace(std::move(secured));
    }

    asio::awaitable<void> serve();
    void close();
    bool idle() const noexcept { return idle_; }

private:
    asio::awaitable<bool> read_more();
    asio::awaitable<bool> read_head(seen_request& request);
    asio::awaitable<void> read_body(seen_request& request, std::size_t bytes_max);
    bool take_body(seen_request& request, std::size_t bytes_max);
    bool take_chunk_line(seen_request& request);
    asio::awaitable<bool> one_request();
    asio::awaitable<bool> write(std::string_view bytes, bool bytewise);
    asio::awaitable<bool> give(const answer& what, const seen_request& asked);
    asio::awaitable<bool> go_on_after(answer::next then);

    core_ptr core_;
    std::size_t number_;
    async::condition closed_;
    transport::tls_stream* tls_ = nullptr;
    std::optional<transport::stream> link_;
    std::string input_;
    bool chunked_ = false;
    bool chunk_end_due_ = false; ///< the line end after a chunk's data comes next
    std::uint64_t left_ = 0;     ///< of the body, or of the chunk
    bool idle_ = false;
    bool open_ = true;
};

void peer::close() {
    open_ = false;
    link_->close();
    closed_.notify_all();
}

asio::awaitable<bool> peer::read_more() {
    std::array<char, 64 * 1024> piece;
    const auto got = co_await link_->async_read_some(asio::buffer(piece), async::nothrow);
    input_.append(piece.data(), std::get<1>(got));
    co_return !std::get<0>(got);
}

void parse_head(std::string_view head, seen_request& request) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == line.npos || first == last)
        throw std::runtime_error("the client sent a request line that is none");
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    head.remove_prefix(line.size() + 2);
    while (!head.empty()) {
        const std::string_view field = head.substr(0, head.find("\r\n"));
        const std::size_t colon = field.find(':');
        if (colon == field.npos)
            throw std::runtime_error("the client sent a header that is none");
        request.headers.emplace_back(field.substr(0, colon), trim(field.substr(colon + 1)));
        head.remove_prefix(field.size() + 2);
    }
}

asio::awaitable<bool> peer::read_head(seen_request& request) {
    std::size_t end = std::string::npos;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
        const bool more = co_await read_more();
        if (!more)
            co_return false;
        // What begins otherwise is no HTTP (a TLS client): servers say 400 to that and close.
        if (input_.front() < 'A' || input_.front() > 'Z') {
            (void)co_await write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", false);
            co_return false;
        }
        idle_ = false;
    }
    idle_ = false;
    parse_head(std::string_view(input_).substr(0, end + 2), request);
    input_.erase(0, end + 4);
    request.connection = number_;
    chunked_ = iequals(request.header("Transfer-Encoding"), "chunked");
    chunk_end_due_ = false;
    left_ = chunked_ ? 0 : parse_decimal(request.header("Content-Length")).value_or(0);
    request.complete = !chunked_ && left_ == 0;
    co_return true;
}

/// The line before a chunk, or the empty one after it; false when it has not come yet.
bool peer::take_chunk_line(seen_request& request) {
    const std::size_t end = input_.find("\r\n");
    if (end == std::string::npos)
        return false;
    if (chunk_end_due_) {
        chunk_end_due_ = false;
        if (end != 0)
            throw std::runtime_error("the client sent a longer chunk than it said");
        input_.erase(0, 2);
        return true;
    }
    const auto parsed = std::from_chars(input_.data(), input_.data() + end, left_, 16);
    if (parsed.ec != std::errc())
        throw std::runtime_error("the client sent a chunk line that is none");
    if (left_ == 0) {
        if (input_.size() < end + 4)
            return false;
        request.complete = true;
        input_.erase(0, end + 4);
        return true;
    }
    input_.erase(0, end + 2);
    return true;
}

/// Takes what has come of the body; false when there is no more to take for now.
bool peer::take_body(seen_request& request, std::size_t bytes_max) {
    if (chunked_ && left_ == 0)
        return take_chunk_line(request);
    const std::size_t room = bytes_max - request.body.size();
    const auto size = static_cast<std::size_t>(
        std::min<std::uint64_t>(std::min<std::uint64_t>(left_, input_.size()), room));
    request.body.append(input_, 0, size);
    input_.erase(0, size);
    left_ -= size;
    core_->body_bytes += size;
    request.complete = !chunked_ && left_ == 0;
    chunk_end_due_ = chunked_ && left_ == 0;
    return size > 0;
}

asio::awaitable<void> peer::read_body(seen_request& request, std::size_t bytes_max) {
    while (!request.complete && request.body.size() < bytes_max) {
        if (take_body(request, bytes_max))
            continue;
        const bool more = co_await read_more();
        if (!more)
            break;
    }
    request.body_bytes = request.body.size();
}

asio::awaitable<bool> peer::write(std::string_view bytes, bool bytewise) {
    const std::size_t step = bytewise ? 1 : std::max<std::size_t>(1, bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const auto piece = bytes.substr(at, step);
        const auto got = co_await asio::async_write(
            *link_, asio::buffer(piece.data(), piece.size()), async::nothrow);
        if (std::get<0>(got))
            co_return false;
    }
    co_return true;
}

/// Sends the answer; false when the connection has no future.
asio::awaitable<bool> peer::give(const answer& what, const seen_request& asked) {
    if (what.held_by)
        co_await what.held_by->wait();
    const std::string text = render(what, asked);
    const bool cut = what.bytes_max && *what.bytes_max < text.size();
    const std::string_view sent = std::string_view(text).substr(0, what.bytes_max.value_or(all));
    const bool ok = co_await write(sent, what.bytewise);
    if (!ok)
        co_return false;
    const bool ends = cut || what.how == answer::framing::until_close;
    const auto then = ends && what.then == answer::next::request ? answer::next::close : what.then;
    co_return co_await go_on_after(then);
}

asio::awaitable<bool> peer::go_on_after(answer::next then) {
    switch (then) {
    case answer::next::request:
        co_return true;
    case answer::next::close:
        if (tls_)
            (void)co_await tls_->async_shutdown(async::nothrow);
        co_return false;
    case answer::next::reset:
        link_->socket().set_option(tcp::socket::linger(true, 0));
        co_return false;
    case answer::next::drain:
        for (bool more = true; more;) {
            input_.clear();
            more = co_await read_more();
        }
        co_return false;
    case answer::next::stall:
        while (open_)
            co_await closed_.wait();
        co_return false;
    }
    co_return false;
}

/// Reads a request and answers it; false when the connection has no future.
asio::awaitable<bool> peer::one_request() {
    seen_request request;
    idle_ = input_.empty();
    const bool came = co_await read_head(request);
    if (!came)
        co_return false;
    const std::size_t at = core_->log.size();
    core_->log.push_back(request);
    std::optional<answer> reply;
    if (core_->with.on_head)
        reply = core_->with.on_head(request);
    co_await read_body(request, reply ? reply->body_bytes_first : all);
    if (reply && reply->only_to_more && request.complete)
        reply.reset();
    const bool early = reply.has_value();
    if (early && !request.complete && core_->with.on_broken)
        core_->with.on_broken(request);
    core_->log[at].body_bytes = request.body_bytes;
    core_->log[at].complete = request.complete;
    if (!early && !request.complete) {
        if (core_->with.on_broken)
            core_->with.on_broken(request);
        co_return false;
    }
    if (!early)
        reply = core_->with.on_request(request);
    if (!request.complete && reply->then == answer::next::request)
        reply->then = answer::next::drain;
    co_return co_await give(*reply, request);
}

asio::awaitable<void> peer::serve() {
    bool go_on = true;
    if (tls_) {
        const auto shaken =
            co_await tls_->async_handshake(ssl::stream_base::server, async::nothrow);
        go_on = !std::get<0>(shaken);
    }
    while (go_on && open_)
        go_on = co_await one_request();
    if (open_)
        close();
}

asio::awaitable<void> serve_peer(core_ptr core, std::shared_ptr<peer> one) {
    co_await one->serve();
    core->peers.remove(one);
}

asio::awaitable<void> accept_peers(core_ptr core) {
    // A failure of the script is the test's: it leaves io_context::run().
    auto on_end = [](std::exception_ptr failed) {
        if (failed)
            std::rethrow_exception(failed);
    };
    while (true) {
        tcp::socket socket(core->io);
        const auto got = co_await core->acceptor.async_accept(socket, async::nothrow);
        if (std::get<0>(got) || !core->acceptor.is_open())
            co_return;
        auto one = std::make_shared<peer>(core, std::move(socket));
        core->peers.push_back(one);
        asio::co_spawn(core->io, serve_peer(core, one), on_end);
    }
}

} // namespace

std::string_view seen_request::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (iequals(key, name))
            return value;
    return {};
}

std::string_view seen_request::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

std::string_view seen_request::query() const {
    const std::size_t mark = target.find('?');
    return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::vector<std::string> seen_request::parameters(std::string_view name) const {
    std::vector<std::string> all;
    std::string_view rest = query();
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (pair.substr(0, equals) == name)
            all.push_back(
                equals == pair.npos ? std::string() : percent_decode(pair.substr(equals + 1)));
    }
    return all;
}

std::optional<std::string> seen_request::parameter(std::string_view name) const {
    const auto all = parameters(name);
    return all.empty() ? std::nullopt : std::optional(all.front());
}

void gate::open() {
    open_ = true;
    changed_.notify_all();
}

asio::awaitable<void> gate::wait() {
    ++waiting_;
    while (!open_)
        co_await changed_.wait();
    --waiting_;
}

answer answer::with(int status, std::string body, std::string type) {
    answer made;
    made.status = status;
    made.body = std::move(body);
    if (!made.body.empty())
        made.header("Content-Type", std::move(type));
    return made;
}

answer answer::json(int status, std::string body) {
    return with(status, std::move(body), "application/json");
}

answer answer::none(next then) {
    return bytes({}, then);
}

answer answer::bytes(std::string raw, next then) {
    answer made;
    made.raw = std::move(raw);
    made.then = then;
    return made;
}

answer& answer::header(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
}

answer& answer::after_body_bytes(std::size_t count) {
    body_bytes_first = count;
    return *this;
}

struct scripted_server::state : server_core {
    using server_core::server_core;
};

scripted_server::scripted_server(asio::io_context& io, script with, std::optional<tls_identity> tls)
    : state_(std::make_shared<state>(io, std::move(with))) {
    if (tls) {
        auto& context = state_->tls.emplace(ssl::context::tls_server);
        context.use_certificate_chain(asio::buffer(tls->certificate));
        context.use_private_key(asio::buffer(tls->key), ssl::context::pem);
    }
    auto on_end = [](std::exception_ptr failed) {
        if (failed)
            std::rethrow_exception(failed);
    };
    asio::co_spawn(io, accept_peers(state_), on_end);
}

scripted_server::scripted_server(
    asio::io_context& io,
    std::function<answer(const seen_request&)> on_request,
    std::optional<tls_identity> tls)
    : scripted_server(io, script{{}, std::move(on_request), {}}, std::move(tls)) {}

scripted_server::~scripted_server() {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
    for (const auto& one : state_->peers)
        one->close();
    // A peer knows the core, and its coroutine owns it: where the event loop never runs again, the
    // core must not be what keeps it.
    state_->peers.clear();
}

std::uint16_t scripted_server::port() const noexcept {
    boost::system::error_code ignored;
    return state_->acceptor.local_endpoint(ignored).port();
}

std::string scripted_server::host() const {
    return concat("127.0.0.1:", port());
}

transport::origin scripted_server::origin() const {
    return {state_->tls.has_value(), "127.0.0.1", port()};
}

transport::url scripted_server::url(std::string_view target) const {
    return {origin(), std::string(target)};
}

const std::deque<seen_request>& scripted_server::log() const noexcept {
    return state_->log;
}

std::string scripted_server::conversation() const {
    std::string text;
    for (const seen_request& one : state_->log)
        text += concat(text.empty() ? "" : ", ", one.method, " ", one.target);
    return text;
}

std::size_t scripted_server::connections() const noexcept {
    return state_->connections;
}

std::size_t scripted_server::connections_open() const noexcept {
    return state_->peers.size();
}

std::uint64_t scripted_server::body_bytes() const noexcept {
    return state_->body_bytes;
}

void scripted_server::close_idle() {
    for (const auto& one : state_->peers)
        if (one->idle())
            one->close();
}

} // namespace tarpon::test
