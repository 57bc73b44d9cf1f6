#include "transport/http_exchange.hpp"

#include "async/task_group.hpp"
#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "support/text_body.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_http_exchange)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;

using script = scripted_server::script;

/// One exchange on a connection of its own.
asio::awaitable<exchange_outcome>
talk(asio::io_context& io, const scripted_server& server, http_request request) {
    dialer dial(io.get_executor(), {});
    request.to.at = server.origin();
    const auto over = co_await dial.dial(server.origin());
    co_return co_await exchange(*over, request);
}

http_request plain(std::string method, std::string target = "/x") {
    http_request request;
    request.method = std::move(method);
    request.to.target = std::move(target);
    return request;
}

asio::awaitable<void>
ask(asio::io_context& io, const answer& reply, std::string method, exchange_outcome& out) {
    auto say = [&reply](const seen_request&) {
        return reply;
    };
    scripted_server server(io, say);
    out = co_await talk(io, server, plain(std::move(method)));
}

/// What comes of a GET that is answered like this.
exchange_outcome outcome_of(const answer& reply, const std::string& method = "GET") {
    exchange_outcome out;
    run_coroutine([&](asio::io_context& io) { return ask(io, reply, method, out); });
    return out;
}

BOOST_AUTO_TEST_CASE(answer_with_length) {
    const auto got = outcome_of(answer::with(200, "hello").header("X-Y", "z"));
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.response->status == 200);
    BOOST_TEST(got.response->body == "hello");
    BOOST_TEST(got.response->header("x-y") == "z");
    BOOST_TEST(got.reusable);
    BOOST_TEST(got.answer_begun);
    BOOST_TEST(!got.response->ended_by_close);
}

BOOST_AUTO_TEST_CASE(answer_byte_by_byte) {
    answer reply = answer::with(202, "hello");
    reply.bytewise = true;
    const auto got = outcome_of(reply);
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.response->body == "hello");
    BOOST_TEST(got.reusable);
}

BOOST_AUTO_TEST_CASE(answer_in_chunks) {
    answer reply = answer::with(200, std::string(5500, 'x'));
    reply.how = answer::framing::chunked;
    for (const bool bytewise : {false, true}) {
        reply.bytewise = bytewise;
        const auto got = outcome_of(reply);
        BOOST_REQUIRE(got.response.has_value());
        BOOST_TEST((got.response->body == reply.body));
        BOOST_TEST(got.reusable);
    }
}

// Such a body may have lost its end, and says so.
BOOST_AUTO_TEST_CASE(answer_until_close) {
    answer reply = answer::with(200, "hello");
    reply.how = answer::framing::until_close;
    const auto got = outcome_of(reply);
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.response->body == "hello");
    BOOST_TEST(got.response->ended_by_close);
    BOOST_TEST(!got.reusable);
}

BOOST_AUTO_TEST_CASE(answers_without_a_body) {
    for (const int status : {204, 304}) {
        const auto got = outcome_of(answer::with(status));
        BOOST_REQUIRE(got.response.has_value());
        BOOST_TEST(got.response->body.empty());
        BOOST_TEST(got.reusable);
    }
    const auto head = outcome_of(answer::with(200, std::string(3000, 'x')), "HEAD");
    BOOST_REQUIRE(head.response.has_value());
    BOOST_TEST(head.response->header("Content-Length") == "3000");
    BOOST_TEST(head.response->body.empty());
    BOOST_TEST(head.reusable);
}

BOOST_AUTO_TEST_CASE(connection_close_is_heard) {
    const auto got = outcome_of(answer::with(200, "x").header("Connection", "close"));
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(!got.reusable);
}

BOOST_AUTO_TEST_CASE(informational_answers_are_skipped) {
    answer reply = answer::with(201, "done");
    reply.before = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    const auto got = outcome_of(reply);
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.response->status == 201);
    BOOST_TEST(got.response->body == "done");
    BOOST_TEST(got.response->header("Link").empty());
}

BOOST_AUTO_TEST_CASE(endless_informational_answers_refused) {
    answer reply = answer::with(200);
    for (int i = 0; i <= limits::informational_responses_max; ++i)
        reply.before += "HTTP/1.1 100 Continue\r\n\r\n";
    const auto got = outcome_of(reply);
    BOOST_REQUIRE(got.failed.has_value());
    BOOST_TEST(got.failed->code() == errc::registry_protocol);
}

// RFC 9112 6.1: whoever sends both framings may be smuggling.
BOOST_AUTO_TEST_CASE(both_framings_end_the_connection) {
    const auto got = outcome_of(answer::bytes(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhi\r\n0\r\n\r\n",
        answer::next::request));
    BOOST_TEST(!got.reusable);
}

// What follows an answer unasked would be taken for the next answer.
BOOST_AUTO_TEST_CASE(bytes_after_the_answer_end_the_connection) {
    answer reply = answer::with(200, "hello, and more");
    reply.stated_length = 5;
    const auto got = outcome_of(reply);
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.response->body == "hello");
    BOOST_TEST(!got.reusable);
}

BOOST_AUTO_TEST_CASE(body_over_its_bound_is_cut) {
    answer reply = answer::with(500, std::string(200'000, 'x'));
    for (const auto how : {answer::framing::length, answer::framing::chunked}) {
        reply.how = how;
        const auto got = outcome_of(reply);
        BOOST_REQUIRE(got.response.has_value());
        BOOST_TEST(got.response->body.size() == limits::error_body_bytes_max);
        BOOST_TEST(got.response->body_cut);
        BOOST_TEST(!got.reusable);
    }
}

// reliability-anchors 5, "garbage": an error of the protocol, never a success.
BOOST_AUTO_TEST_CASE(garbage_is_no_answer) {
    const std::string cases[] = {
        "hello\r\n\r\n",
        "SSH-2.0-x\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nX: " + std::string(limits::response_header_bytes_max, 'x') + "\r\n\r\n",
    };
    for (const std::string& bytes : cases) {
        const auto got = outcome_of(answer::bytes(bytes));
        BOOST_TEST(!got.response.has_value(), bytes.substr(0, 60));
        BOOST_TEST(!got.reusable);
        if (got.failed)
            BOOST_TEST(got.failed->code() == errc::registry_protocol, bytes.substr(0, 60));
    }
}

// Docker Hub's 429 came like that: its Retry-After is heard. No success is believed in such a form,
// nor another answer on that connection.
BOOST_AUTO_TEST_CASE(refusal_with_bare_line_feeds_is_heard) {
    for (const bool bytewise : {false, true}) {
        answer reply = answer::bytes(
            "HTTP/1.1 429 Too Many Requests\nRetry-After: 60\nContent-Length: 4\n\nslow");
        reply.bytewise = bytewise;
        const auto got = outcome_of(reply);
        BOOST_REQUIRE(got.response.has_value());
        BOOST_TEST(got.response->status == 429);
        BOOST_TEST(got.response->header("Retry-After") == "60");
        BOOST_TEST(got.response->body == "slow");
        BOOST_TEST(!got.reusable);
    }
}

BOOST_AUTO_TEST_CASE(success_with_bare_line_feeds_is_none) {
    for (const char* bytes :
         {"HTTP/1.1 201 Created\nContent-Length: 0\n\n",
          "HTTP/1.1 307 Elsewhere\r\nLocation: /y\n\r\n",
          "HTTP/1.1 100 Continue\n\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"}) {
        const auto got = outcome_of(answer::bytes(bytes));
        BOOST_REQUIRE(got.failed.has_value());
        BOOST_TEST(got.failed->code() == errc::registry_protocol);
        BOOST_TEST(!got.reusable);
    }
}

BOOST_AUTO_TEST_CASE(answer_cut_anywhere_is_a_broken_connection) {
    answer reply = answer::with(200, "hello");
    for (std::size_t bytes = 0; bytes < 80; ++bytes) {
        reply.bytes_max = bytes;
        reply.then = bytes % 2 == 0 ? answer::next::close : answer::next::reset;
        const auto got = outcome_of(reply);
        BOOST_REQUIRE(got.failed.has_value());
        BOOST_TEST(got.failed->code() == errc::transport_closed);
        // after a reset the bytes before it may be lost
        if (reply.then == answer::next::close)
            BOOST_TEST(got.answer_begun == (bytes > 0));
    }
    reply.bytes_max = std::nullopt;
    reply.stated_length = 6;
    reply.then = answer::next::close;
    BOOST_TEST(!outcome_of(reply).response.has_value());
}

asio::awaitable<void> upload(
    asio::io_context& io, script with, text_body& body, exchange_outcome& out, std::string& came) {
    const auto on_request = [&came](const seen_request& request) {
        came = request.body;
        return answer::with(202);
    };
    if (!with.on_request)
        with.on_request = on_request;
    scripted_server server(io, std::move(with));
    http_request request = plain("PATCH");
    request.stream = &body;
    out = co_await talk(io, server, std::move(request));
}

std::string long_text(std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += std::to_string(text.size()) + ",";
    text.resize(size);
    return text;
}

BOOST_DATA_TEST_CASE(
    streamed_body_arrives,
    bdata::make({0u, 1u, 9'999u, 10'000u, 345'678u}) * bdata::make({true, false}),
    size,
    known) {
    const std::string text = long_text(size);
    text_body body(text, {.known_length = known});
    exchange_outcome out;
    std::string came = "nothing";
    run_coroutine([&](asio::io_context& io) { return upload(io, {}, body, out, came); });
    BOOST_REQUIRE(out.response.has_value());
    BOOST_TEST(out.response->status == 202);
    BOOST_TEST(!out.response->before_request);
    BOOST_TEST(out.reusable);
    BOOST_TEST((came == text));
}

// A server that knows the length answers at the last byte; the body's own end may come later (its
// next read waits for memory). That is no early answer.
BOOST_AUTO_TEST_CASE(answer_at_the_last_byte_is_not_early) {
    text_body body(long_text(50'000), {.turns_before_end = 2000});
    exchange_outcome out;
    std::string came;
    run_coroutine([&](asio::io_context& io) { return upload(io, {}, body, out, came); });
    BOOST_REQUIRE(out.response.has_value());
    BOOST_TEST(!out.response->before_request);
    BOOST_TEST(out.reusable);
    BOOST_TEST(came.size() == 50'000u);
}

// The server would wait for the rest, and we for its answer.
BOOST_DATA_TEST_CASE(
    body_of_another_length_than_stated_is_an_error, bdata::make({49'999u, 50'001u}), stated) {
    text_body body(long_text(50'000), {.stated_length = stated});
    exchange_outcome out;
    std::string came;
    BOOST_CHECK_EXCEPTION(
        run_coroutine([&](asio::io_context& io) { return upload(io, {}, body, out, came); }), error,
        [](const error& e) { return e.code() == errc::digest_mismatch; });
    BOOST_TEST(came.empty());
}

// The refusal is heard at once, though the server reads nothing and gigabytes are left to send.
asio::awaitable<void> early_refusal(asio::io_context& io, answer refusal, bool known) {
    script with;
    with.on_head = [&refusal](const seen_request&) {
        return refusal;
    };
    exchange_outcome out;
    std::string came;
    text_body body(std::string(64 << 20, 'x'), {.step = 512 << 10, .known_length = known});
    co_await upload(io, std::move(with), body, out, came);
    BOOST_REQUIRE(out.response.has_value());
    BOOST_TEST(out.response->status == 413);
    BOOST_TEST(out.response->body == "too large");
    BOOST_TEST(out.response->before_request);
    BOOST_TEST(!out.reusable);
    BOOST_TEST(out.body_begun);
    BOOST_TEST(body.taken() < std::size_t{64 << 20});
}

BOOST_DATA_TEST_CASE(
    early_refusal_is_heard,
    bdata::make({0u, 100'000u}) * bdata::make({true, false}) * bdata::make({true, false}),
    bytes,
    known,
    reads_on) {
    answer refusal = answer::with(413, "too large").after_body_bytes(bytes);
    refusal.then = reads_on ? answer::next::drain : answer::next::stall;
    run_coroutine([&](asio::io_context& io) { return early_refusal(io, refusal, known); });
}

// A manifest is not streamed, but it can be as long as 4 MiB.
asio::awaitable<void> early_refusal_of_text(asio::io_context& io) {
    script with;
    with.on_head = [](const seen_request&) {
        answer refusal = answer::with(413, "too large");
        refusal.then = answer::next::stall;
        return refusal;
    };
    scripted_server server(io, std::move(with));
    http_request request = plain("PUT");
    request.body.assign(64 << 20, 'x');
    const exchange_outcome out = co_await talk(io, server, std::move(request));
    BOOST_REQUIRE(out.response.has_value());
    BOOST_TEST(out.response->status == 413);
    BOOST_TEST(out.response->before_request);
    BOOST_TEST(!out.reusable);
}

BOOST_AUTO_TEST_CASE(early_refusal_of_a_whole_body_is_heard) {
    run_coroutine(early_refusal_of_text, std::chrono::seconds(30));
}

BOOST_AUTO_TEST_CASE(connection_cut_within_the_body) {
    for (const std::size_t bytes : {0u, 1u, 50'000u}) {
        script with;
        with.on_head = [bytes](const seen_request&) {
            return answer::none(answer::next::reset).after_body_bytes(bytes);
        };
        text_body body(std::string(64 << 20, 'x'), {.step = 512 << 10});
        exchange_outcome out;
        std::string came;
        run_coroutine([&](asio::io_context& io) { return upload(io, with, body, out, came); });
        BOOST_REQUIRE(out.failed.has_value());
        BOOST_TEST(out.failed->code() == errc::transport_closed);
        BOOST_TEST(out.body_begun);
        BOOST_TEST(!out.answer_begun);
        BOOST_TEST(!out.reusable);
    }
}

// What is wrong with the body is what the caller hears, and the connection is of no use any more.
asio::awaitable<void> failing_source(asio::io_context& io, bool known) {
    script with;
    std::size_t broken = 0;
    with.on_request = [](const seen_request&) {
        return answer::with(202);
    };
    with.on_broken = [&broken](const seen_request& request) {
        broken = static_cast<std::size_t>(request.body_bytes);
    };
    scripted_server server(io, std::move(with));
    dialer dial(io.get_executor(), {});
    const auto over = co_await dial.dial(server.origin());
    text_body body(long_text(100'000), {.known_length = known, .fails_at = 60'000});
    http_request request = plain("PATCH");
    request.to.at = server.origin();
    request.stream = &body;
    const error failed = co_await error_of(exchange(*over, request));
    BOOST_TEST(failed.code() == errc::archive_truncated);
    BOOST_TEST(!over->link.looks_alive());
    while (server.connections_open() > 0)
        co_await asio::post(io, asio::use_awaitable);
    BOOST_TEST(broken == 60'000u);
}

BOOST_DATA_TEST_CASE(failure_of_the_body_comes_through, bdata::make({true, false}), known) {
    run_coroutine([&](asio::io_context& io) { return failing_source(io, known); });
}

asio::awaitable<void> exchange_quietly(connection& over, const http_request& request, bool& ended) {
    (void)co_await exchange(over, request);
    ended = true;
}

/// Cancels an exchange after some turns of the event loop; the server never answers.
asio::awaitable<void> cancel_after(asio::io_context& io, int turns, bool streamed) {
    const auto silent = [](const seen_request&) {
        return answer::none(answer::next::stall);
    };
    scripted_server server(io, silent);
    dialer dial(io.get_executor(), {});
    const auto over = co_await dial.dial(server.origin());
    text_body body(std::string(8 << 20, 'x'));
    http_request request = plain("PATCH");
    request.to.at = server.origin();
    if (streamed)
        request.stream = &body;
    bool ended = false;
    async::task_group group(io.get_executor());
    group.spawn(exchange_quietly(*over, request, ended));
    for (int i = 0; i < turns; ++i)
        co_await asio::post(io, asio::use_awaitable);
    group.cancel();
    bool aborted = false;
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        aborted = e.code() == asio::error::operation_aborted;
    }
    BOOST_TEST(aborted);
    BOOST_TEST(!ended);
    if (turns > 10)
        BOOST_TEST(!over->link.looks_alive());
}

BOOST_AUTO_TEST_CASE(cancelled_anywhere_throws_and_closes) {
    for (int turns = 0; turns < 60; turns += 3)
        for (const bool streamed : {true, false})
            run_coroutine([&](asio::io_context& io) { return cancel_after(io, turns, streamed); });
}

asio::awaitable<void> tell_progress(asio::io_context& io) {
    const auto fine = [](const seen_request&) {
        return answer::with(202);
    };
    scripted_server server(io, fine);
    text_body body(long_text(25'000));
    http_request request = plain("PATCH");
    request.stream = &body;
    std::vector<std::size_t> pieces;
    request.on_sent = [&](std::size_t bytes) {
        pieces.push_back(bytes);
    };
    (void)co_await talk(io, server, std::move(request));
    BOOST_TEST((pieces == std::vector<std::size_t>{10'000, 10'000, 5'000}));
}

BOOST_AUTO_TEST_CASE(every_piece_sent_is_told) {
    run_coroutine(tell_progress);
}

/// Takes a request with a body of `bytes`, with a pause after each sixteenth of it, and answers.
asio::awaitable<void> read_slowly(asio::ip::tcp::acceptor& at, std::size_t bytes) {
    auto from = co_await at.async_accept(asio::use_awaitable);
    std::string head;
    const std::size_t head_bytes = co_await asio::async_read_until(
        from, asio::dynamic_buffer(head), "\r\n\r\n", asio::use_awaitable);
    std::vector<char> some(bytes / 16);
    asio::steady_timer pause(at.get_executor());
    std::size_t left = bytes - (head.size() - head_bytes);
    while (left > 0) {
        const auto room = asio::buffer(some, left);
        left -= co_await asio::async_read(from, room, asio::use_awaitable);
        pause.expires_after(std::chrono::milliseconds(150));
        co_await pause.async_wait(asio::use_awaitable);
    }
    const std::string reply = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
    co_await asio::async_write(from, asio::buffer(reply), asio::use_awaitable);
}

asio::awaitable<void>
send_patiently(asio::io_context& io, origin there, std::size_t bytes, exchange_outcome& out) {
    connection_options options;
    options.idle_time = std::chrono::milliseconds(1200);
    dialer dial(io.get_executor(), options);
    const auto over = co_await dial.dial(there);
    http_request request = plain("PUT");
    request.to.at = there;
    request.body.assign(bytes, 'x');
    out = co_await exchange(*over, request);
}

/// One write of 64 MiB takes 2.4 s, and some of it goes every 0.15.
asio::awaitable<void> slow_reader(asio::io_context& io) {
    constexpr std::size_t bytes = 64 << 20;
    asio::ip::tcp::acceptor at(io, {asio::ip::address_v4::loopback(), 0});
    const origin there{false, "127.0.0.1", at.local_endpoint().port()};
    exchange_outcome out;
    async::task_group group(io.get_executor());
    group.spawn(read_slowly(at, bytes));
    group.spawn(send_patiently(io, there, bytes, out));
    co_await group.join();
    BOOST_REQUIRE(out.response.has_value());
    BOOST_TEST(out.response->status == 201);
}

// The limit is for a socket on which no byte moves.
BOOST_AUTO_TEST_CASE(a_line_that_is_slow_is_waited_for) {
    run_coroutine(slow_reader);
}

// A response over TLS that ends without the TLS end is cut, however complete it looks (B13).
asio::awaitable<void> truncated_tls(asio::io_context& io, answer::next then, bool whole) {
    const auto say = [then](const seen_request&) {
        answer reply = answer::with(200, "hello");
        reply.how = answer::framing::until_close;
        reply.then = then;
        return reply;
    };
    scripted_server server(io, say, self_signed({.ip_addresses = {"127.0.0.1"}}));
    connection_options options;
    options.insecure = true;
    dialer dial(io.get_executor(), options);
    const auto over = co_await dial.dial(server.origin());
    http_request request = plain("GET");
    request.to.at = server.origin();
    const exchange_outcome got = co_await exchange(*over, request);
    BOOST_TEST(got.response.has_value() == whole);
}

BOOST_AUTO_TEST_CASE(tls_body_until_close_needs_the_tls_end) {
    run_coroutine(
        [](asio::io_context& io) { return truncated_tls(io, answer::next::close, true); });
    run_coroutine(
        [](asio::io_context& io) { return truncated_tls(io, answer::next::reset, false); });
}

asio::awaitable<void> upload_over_tls(asio::io_context& io, bool known) {
    std::string came;
    const auto keep = [&came](const seen_request& request) {
        came = request.body;
        return answer::with(202);
    };
    scripted_server server(io, keep, self_signed({.ip_addresses = {"127.0.0.1"}}));
    connection_options options;
    options.insecure = true;
    dialer dial(io.get_executor(), options);
    const auto over = co_await dial.dial(server.origin());
    const std::string text = long_text(1'500'000);
    text_body body(text, {.step = 300'000, .known_length = known});
    http_request request = plain("PATCH");
    request.to.at = server.origin();
    request.stream = &body;
    const exchange_outcome got = co_await exchange(*over, request);
    BOOST_REQUIRE(got.response.has_value());
    BOOST_TEST(got.reusable);
    BOOST_TEST((came == text));
}

BOOST_DATA_TEST_CASE(streamed_body_arrives_over_tls, bdata::make({true, false}), known) {
    run_coroutine([&](asio::io_context& io) { return upload_over_tls(io, known); });
}

BOOST_AUTO_TEST_SUITE_END()
