// See running_registry.hpp.
#include "support/running_registry.hpp"

#include "async/tokens.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"
#include "support/run_coroutine.hpp"
#include "support/text_body.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <array>

namespace tarpon::test {

namespace asio = boost::asio;

asio::awaitable<void> raw_connection::connect(std::uint16_t port) {
    const asio::ip::tcp::endpoint at(asio::ip::address_v4::loopback(), port);
    co_await socket_.async_connect(at, asio::use_awaitable);
}

asio::awaitable<bool> raw_connection::send(std::string_view bytes) {
    const auto done = co_await asio::async_write(socket_, asio::buffer(bytes), async::nothrow);
    co_return !std::get<0>(done);
}

asio::awaitable<std::string> raw_connection::read_all() {
    std::string all;
    std::array<char, 4096> piece;
    while (true) {
        const auto got = co_await socket_.async_read_some(asio::buffer(piece), async::nothrow);
        if (std::get<0>(got))
            co_return all;
        all.append(piece.data(), std::get<1>(got));
    }
}

asio::awaitable<std::string> raw_connection::read_until(std::string_view mark) {
    std::string all;
    std::array<char, 4096> piece;
    while (all.find(mark) == std::string::npos) {
        const auto got = co_await socket_.async_read_some(asio::buffer(piece), async::nothrow);
        if (std::get<0>(got))
            throw std::runtime_error("the connection ended early: " + all);
        all.append(piece.data(), std::get<1>(got));
    }
    co_return all;
}

void raw_connection::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

running_registry::running_registry(asio::io_context& io)
    : io_(io)
    , client_(io.get_executor(), {}, 8) {
    serve_options options;
    options.listen = "127.0.0.1:0";
    options.storage = storage_.path().string();
    serve_events events;
    events.listening = [state = state_](const std::string& address) {
        state->address = address;
    };
    auto on_end = [state = state_](std::exception_ptr failed) {
        state->failed = failed;
    };
    asio::co_spawn(
        io, serve(std::move(options), std::move(events)),
        asio::bind_cancellation_slot(state_->stop.slot(), on_end));
}

running_registry::~running_registry() {
    state_->stop.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> running_registry::ready() {
    while (state_->address.empty()) {
        if (state_->failed)
            std::rethrow_exception(state_->failed);
        co_await asio::post(io_, asio::use_awaitable);
    }
}

std::uint16_t running_registry::port() const {
    const std::string& address = state_->address;
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

asio::awaitable<transport::http_response> running_registry::send(
    std::string method, std::string target, std::string body, header_list headers) {
    transport::http_request request;
    request.method = std::move(method);
    request.to = transport::parse_url("http://" + state_->address + target).value();
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.response_bytes_max = 16 * 1024 * 1024;
    co_return co_await client_.send(std::move(request));
}

asio::awaitable<transport::http_response>
running_registry::send_chunked(std::string method, std::string target, std::string body) {
    text_body pieces(std::move(body), {.known_length = false});
    transport::http_request request;
    request.method = std::move(method);
    request.to = transport::parse_url("http://" + state_->address + target).value();
    request.stream = &pieces;
    co_return co_await client_.send(std::move(request));
}

asio::awaitable<std::string> running_registry::exchange(std::string bytes) {
    raw_connection connection(io_);
    co_await connection.connect(port());
    (void)co_await connection.send(bytes);
    co_return co_await connection.read_all();
}

asio::awaitable<std::string> running_registry::begin(std::string repository) {
    const auto begun = co_await send("POST", "/v2/" + repository + "/blobs/uploads/");
    BOOST_TEST(begun.status == 202);
    BOOST_TEST(begun.header("Range") == "0-0");
    BOOST_REQUIRE(begun.header("Location").starts_with("/v2/"));
    co_return std::string(begun.header("Location"));
}

asio::awaitable<void> running_registry::push(std::string repository, std::string content) {
    const std::string location = co_await begin(repository);
    const std::string target = location + "?digest=" + digest_of(content).str();
    const auto put = co_await send("PUT", target, content);
    BOOST_TEST(put.status == 201);
}

namespace {

asio::awaitable<void>
run_with(asio::io_context& io, std::function<asio::awaitable<void>(running_registry&)>& test) {
    running_registry registry(io);
    co_await registry.ready();
    co_await test(registry);
}

} // namespace

void with_registry(std::function<asio::awaitable<void>(running_registry&)> test) {
    run_coroutine([&](asio::io_context& io) { return run_with(io, test); });
}

header_list content_range(std::uint64_t first, std::uint64_t last) {
    return one_header("Content-Range", concat(first, "-", last));
}

header_list one_header(std::string name, std::string value) {
    header_list headers;
    headers.emplace_back(std::move(name), std::move(value));
    return headers;
}

std::size_t count(std::string_view text, std::string_view part) {
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size()))
        ++times;
    return times;
}

} // namespace tarpon::test
