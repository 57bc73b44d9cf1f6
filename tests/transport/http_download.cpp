#include "transport/http_download.hpp"

#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "transport/http_client.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_http_download)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;

struct fetched {
    int status = 0;
    std::string head_body;
    std::string body;
    std::optional<error> failed;
    bool connection_kept = false;
};

asio::awaitable<std::string> read_all(byte_source& from) {
    std::string all;
    std::array<std::byte, 7000> piece;
    while (true) {
        const std::size_t got = co_await from.read_some(piece);
        if (got == 0)
            co_return all;
        all.append(reinterpret_cast<const char*>(piece.data()), got);
    }
}

asio::awaitable<void> fetch(asio::io_context& io, const answer& reply, fetched& out) {
    auto say = [&reply](const seen_request&) {
        return reply;
    };
    scripted_server server(io, say);
    connection_pool pool(io.get_executor(), {}, 1);
    http_request request;
    request.method = "GET";
    request.to = server.url("/blob");
    try {
        connection_lease lease = co_await pool.acquire(server.origin());
        const auto got = co_await http_download::begin(std::move(lease), std::move(request));
        out.status = got->status();
        out.head_body = got->head().body;
        out.body = co_await read_all(*got);
        const std::size_t after_end = co_await got->read_some(std::span<std::byte>());
        BOOST_TEST(after_end == 0u);
    } catch (const error& e) {
        out.failed = e;
    }
    connection_lease next = co_await pool.acquire(server.origin());
    out.connection_kept = next.used_before();
}

fetched download(const answer& reply) {
    fetched out;
    run_coroutine([&](asio::io_context& io) { return fetch(io, reply, out); });
    return out;
}

BOOST_AUTO_TEST_CASE(large_body_comes_whole_in_either_framing) {
    answer reply = answer::with(200, std::string(1'000'000, 'x') + "end");
    for (const auto how : {answer::framing::length, answer::framing::chunked}) {
        reply.how = how;
        const fetched got = download(reply);
        BOOST_TEST(got.status == 200);
        BOOST_TEST((got.body == reply.body));
        BOOST_TEST(got.connection_kept);
    }
    reply.how = answer::framing::until_close;
    const fetched got = download(reply);
    BOOST_TEST((got.body == reply.body));
    BOOST_TEST(!got.connection_kept);
}

BOOST_AUTO_TEST_CASE(other_statuses_have_their_body_in_the_head) {
    const fetched got = download(answer::with(404, "no such blob"));
    BOOST_TEST(got.status == 404);
    BOOST_TEST(got.head_body == "no such blob");
    BOOST_TEST(got.body.empty());
    BOOST_TEST(got.connection_kept);
}

BOOST_AUTO_TEST_CASE(body_that_ends_short_is_an_error) {
    answer reply = answer::with(200, std::string(100'000, 'x'));
    reply.stated_length = 100'001;
    reply.then = answer::next::close;
    const fetched short_by_one = download(reply);
    BOOST_REQUIRE(short_by_one.failed.has_value());
    BOOST_TEST(short_by_one.failed->code() == errc::transport_closed);
    BOOST_TEST(!short_by_one.connection_kept);
    reply = answer::with(200, std::string(100'000, 'x'));
    reply.how = answer::framing::chunked;
    reply.bytes_max = 50'000;
    BOOST_REQUIRE(download(reply).failed.has_value());
}

BOOST_AUTO_TEST_CASE(cut_before_the_body_is_an_error) {
    for (const std::size_t bytes : {0u, 10u, 40u}) {
        answer reply = answer::with(200, "hello");
        reply.bytes_max = bytes;
        const fetched got = download(reply);
        BOOST_REQUIRE(got.failed.has_value());
        BOOST_TEST(got.failed->code() == errc::transport_closed);
    }
}

BOOST_AUTO_TEST_CASE(informational_answers_are_skipped) {
    answer reply = answer::with(200, "hello");
    reply.before = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    const fetched got = download(reply);
    BOOST_TEST(got.status == 200);
    BOOST_TEST(got.body == "hello");
}

// What follows an answer unasked would be taken for the next answer.
BOOST_AUTO_TEST_CASE(bytes_after_the_answer_end_the_connection) {
    answer reply = answer::with(200, "hello, and more");
    reply.stated_length = 5;
    const fetched got = download(reply);
    BOOST_TEST(got.body == "hello");
    BOOST_TEST(!got.connection_kept);
}

BOOST_AUTO_TEST_CASE(garbage_is_an_error_of_the_protocol) {
    const fetched got = download(answer::bytes("220 mail.example.com ESMTP\r\n\r\n"));
    BOOST_REQUIRE(got.failed.has_value());
    BOOST_TEST(got.failed->code() == errc::registry_protocol);
}

// Two at a time are two connections, and a dropped download gives its place back.
asio::awaitable<void> several(asio::io_context& io) {
    const auto say = [](const seen_request&) {
        return answer::with(200, std::string(300'000, 'x'));
    };
    scripted_server server(io, say);
    http_client client(io.get_executor(), {}, 2);
    for (int i = 0; i < 3; ++i) {
        http_request one, two;
        one.method = two.method = "GET";
        one.to = two.to = server.url("/blob");
        const auto first = co_await client.download(std::move(one));
        const auto second = co_await client.download(std::move(two));
        const std::string body = co_await read_all(*second);
        BOOST_TEST(body.size() == 300'000u);
    }
    BOOST_TEST(client.counters().requests == 6u);
}

BOOST_AUTO_TEST_CASE(dropped_download_gives_its_place_back) {
    run_coroutine(several);
}

BOOST_AUTO_TEST_SUITE_END()
