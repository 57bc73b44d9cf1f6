#include "transport/http_client.hpp"

#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "support/text_body.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_http_client)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;

http_request to(const scripted_server& server, std::string method, std::string target = "/x") {
    http_request request;
    request.method = std::move(method);
    request.to = server.url(target);
    return request;
}

/// Answers the first request of every connection, and closes at the next: the keep-alive race.
answer once_a_connection(scripted_server& server, const seen_request& request) {
    std::size_t same = 0;
    for (const seen_request& other : server.log())
        same += other.connection == request.connection;
    return same == 1 ? answer::with(200, "fine") : answer::none(answer::next::close);
}

asio::awaitable<void> stale(asio::io_context& io, std::string method) {
    std::optional<scripted_server> server;
    const auto say = [&server](const seen_request& request) {
        return once_a_connection(*server, request);
    };
    server.emplace(io, say);
    http_client client(io.get_executor(), {}, 2);
    for (int i = 0; i < 3; ++i) {
        const http_response got = co_await client.send(to(*server, method));
        BOOST_TEST(got.status == 200);
    }
    // the second and third were sent twice, on the old connection and on a new one
    BOOST_TEST(server->log().size() == 5u);
    BOOST_TEST(server->connections() == 3u);
    BOOST_TEST(client.counters().requests == 5u);
    BOOST_TEST(client.connections_opened() == 3u);
}

BOOST_AUTO_TEST_CASE(stale_connection_retried_once_on_a_fresh_one) {
    for (const char* method : {"GET", "POST", "PUT"})
        run_coroutine([&](asio::io_context& io) { return stale(io, method); });
}

asio::awaitable<void> stale_and_gone(asio::io_context& io) {
    const auto only_first = [](const seen_request& request) {
        return request.target == "/first" ? answer::with(200) : answer::none(answer::next::close);
    };
    scripted_server server(io, only_first);
    http_client client(io.get_executor(), {}, 2);
    (void)co_await client.send(to(server, "GET", "/first"));
    const error failed = co_await error_of(client.send(to(server, "GET")));
    BOOST_TEST(failed.code() == errc::transport_closed);
    BOOST_TEST(server.log().size() == 3u);
    // a fresh connection that fails is an answer, not a stale one
    const error again = co_await error_of(client.send(to(server, "GET")));
    BOOST_TEST(again.code() == errc::transport_closed);
    BOOST_TEST(server.log().size() == 4u);
}

BOOST_AUTO_TEST_CASE(fresh_connection_is_not_retried) {
    run_coroutine(stale_and_gone);
}

// A body that was begun is gone; sending the rest would make another blob.
asio::awaitable<void> begun_body(asio::io_context& io) {
    const auto only_get = [](const seen_request& request) {
        return request.method == "GET" ? answer::with(200) : answer::none(answer::next::close);
    };
    scripted_server server(io, only_get);
    http_client client(io.get_executor(), {}, 2);
    (void)co_await client.send(to(server, "GET"));
    text_body body("some bytes");
    http_request patch = to(server, "PATCH");
    patch.stream = &body;
    const error failed = co_await error_of(client.send(std::move(patch)));
    BOOST_TEST(failed.code() == errc::transport_closed);
    BOOST_TEST(server.conversation() == "GET /x, PATCH /x");
}

BOOST_AUTO_TEST_CASE(begun_body_is_not_sent_again) {
    run_coroutine(begun_body);
}

// Half an answer means that the request arrived.
asio::awaitable<void> half_an_answer(asio::io_context& io) {
    const auto cut_second = [](const seen_request& request) {
        answer reply = answer::with(200, "hello");
        if (request.target == "/second")
            reply.bytes_max = 20;
        return reply;
    };
    scripted_server server(io, cut_second);
    http_client client(io.get_executor(), {}, 2);
    (void)co_await client.send(to(server, "GET", "/first"));
    const error failed = co_await error_of(client.send(to(server, "GET", "/second")));
    BOOST_TEST(failed.code() == errc::transport_closed);
    BOOST_TEST(server.conversation() == "GET /first, GET /second");
}

BOOST_AUTO_TEST_CASE(half_an_answer_is_not_asked_for_again) {
    run_coroutine(half_an_answer);
}

asio::awaitable<void> counts(asio::io_context& io) {
    const auto fine = [](const seen_request&) {
        return answer::with(200);
    };
    scripted_server server(io, fine);
    std::vector<std::string> lines;
    const auto trace = [&lines](const std::string& line) {
        lines.push_back(line);
    };
    http_client client(io.get_executor(), {}, 2, trace);
    http_request put = to(server, "PUT", "/x?secret=1");
    put.body = "12345";
    put.headers.emplace_back("Authorization", "Basic secret");
    (void)co_await client.send(std::move(put));
    text_body body(std::string(30'000, 'x'), {.known_length = false});
    std::uint64_t told = 0;
    http_request patch = to(server, "PATCH");
    patch.stream = &body;
    patch.on_sent = [&told](std::size_t bytes) {
        told += bytes;
    };
    (void)co_await client.send(std::move(patch));
    BOOST_TEST(told == 30'000u);
    BOOST_TEST(client.counters().body_bytes_sent == 30'005u);
    BOOST_TEST(client.counters().requests == 2u);
    BOOST_REQUIRE(lines.size() == 2u);
    BOOST_TEST(lines[0].starts_with("PUT " + server.origin().str() + "/x -> 200 ("));
    BOOST_TEST(lines[0].find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(requests_are_counted_and_traced_without_secrets) {
    run_coroutine(counts);
}

asio::awaitable<void> any_status(asio::io_context& io) {
    const auto by_target = [](const seen_request& request) {
        return answer::with(std::stoi(request.target.substr(1)), "x");
    };
    scripted_server server(io, by_target);
    http_client client(io.get_executor(), {}, 2);
    for (const int status : {200, 204, 302, 401, 404, 429, 500, 599}) {
        const http_response got =
            co_await client.send(to(server, "GET", "/" + std::to_string(status)));
        BOOST_TEST(got.status == status);
    }
    BOOST_TEST(server.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(every_status_is_the_callers) {
    run_coroutine(any_status);
}

asio::awaitable<void> request_beside_a_download(asio::io_context& io) {
    const auto say = [](const seen_request&) {
        return answer::with(200, "fine");
    };
    scripted_server server(io, say);
    http_client client(io.get_executor(), {}, 1);
    const auto body = co_await client.download(to(server, "GET"));
    const http_response got = co_await client.send(to(server, "PUT"));
    BOOST_TEST(got.status == 200);
    BOOST_TEST(body->status() == 200);
    BOOST_TEST(server.connections() == 2u);
    BOOST_TEST(client.connections_opened() == 2u);
}

// Who passes on what he downloads needs both; with one bound for both he would wait for ever.
BOOST_AUTO_TEST_CASE(download_leaves_its_connections_to_requests) {
    run_coroutine([](asio::io_context& io) { return request_beside_a_download(io); });
}

BOOST_AUTO_TEST_SUITE_END()
