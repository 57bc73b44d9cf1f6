// What strangers send to the port: requests that two programs would read differently, garbage, and
// bytes that come too slowly or not at all.
#include "server/http_connection.hpp"

#include "async/task_group.hpp"
#include "async/tokens.hpp"
#include "model/hasher.hpp"
#include "support/run_coroutine.hpp"
#include "support/running_registry.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_http_connection)

using namespace tarpon;
using namespace tarpon::test;
namespace asio = boost::asio;

const std::string ping = "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n";

asio::awaitable<void> refuses(running_registry& registry, std::string bytes, std::string status) {
    // A second request behind it must not be taken for one: the connection ends.
    const std::string answer = co_await registry.exchange(bytes + ping);
    BOOST_TEST(answer.starts_with("HTTP/1.1 " + status), bytes.substr(0, 200) << answer);
    BOOST_TEST(count(answer, "\r\nConnection: ") == 1u, answer);
    BOOST_TEST(count(answer, "\r\nConnection: close\r\n") == 1u, answer);
}

asio::awaitable<void> smuggles(running_registry& registry) {
    const std::string line = "POST /v2/a/blobs/uploads/ HTTP/1.1\r\n";
    const std::string head = line + "Host: localhost\r\n";
    for (const std::string& bytes : std::vector<std::string>{
             head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
             head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
             head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
             head + "Content-Length: +5\r\n\r\nhello", head + "Content-Length : 5\r\n\r\nhello",
             head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
             head + "Transfer-Encoding: identity\r\n\r\n",
             head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
             head + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", head + "X: y\r\n\tz\r\n\r\n",
             head + "X: y\nContent-Length: 5\r\n\r\nhello",
             "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", line + "\r\n",
             line + "Host: a\r\nHost: b\r\n\r\n", line + "Host: a@b\r\n\r\n",
             "GET /v2/ HTTP/2.0\r\nHost: localhost\r\n\r\n",
             "GET http://b/v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n"})
        co_await refuses(registry, bytes, "400 ");
}

BOOST_AUTO_TEST_CASE(ambiguous_requests_end_the_connection) {
    with_registry(smuggles);
}

asio::awaitable<void> bad_chunks(running_registry& registry) {
    for (const std::string& body : std::vector<std::string>{
             "5\r\nhelloX0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
             "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n",
             "g\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
             "10000000000000000\r\nhello\r\n0\r\n\r\n", "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
             "5;" + std::string(limits::chunk_line_bytes_max + 10, 'x') + "\r\nhello\r\n0\r\n\r\n",
             "5;" + std::string(300'000, 'x'), "0\r\nX: " + std::string(300'000, 'x')}) {
        const std::string location = co_await registry.begin("a");
        const std::string head =
            "PATCH " + location
            + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        const std::string answer = co_await registry.exchange(head + body + ping);
        BOOST_TEST(answer.starts_with("HTTP/1.1 400 "), body.substr(0, 100) << answer);
        BOOST_TEST(count(answer, "HTTP/1.1 ") == 1u, answer);
        const auto alive = co_await registry.send("GET", location);
        BOOST_TEST(alive.status == 204);
    }
}

BOOST_AUTO_TEST_CASE(malformed_chunks_end_the_connection_and_keep_the_upload) {
    with_registry(bad_chunks);
}

asio::awaitable<void> trailers(running_registry& registry) {
    co_await registry.push("a", "{}");
    // The type of a manifest is what its head says; a trailer comes too late to change it.
    const std::string answer = co_await registry.exchange(
        "PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
        "2\r\n{}\r\n0\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n\r\n");
    BOOST_TEST(answer.find("HTTP/1.1 400 ") == 0u, answer);
    BOOST_TEST(answer.find("is no manifest type") != answer.npos, answer);
}

asio::awaitable<void> trailers_that_end(running_registry& registry) {
    for (const char* trailer :
         {"X: y", "Host: b", "Content-Length: 5", "Transfer-Encoding: chunked"}) {
        const std::string location = co_await registry.begin("a");
        const std::string bytes =
            "PATCH " + location
            + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
              "5\r\nhello\r\n0\r\n"
            + trailer + "\r\n\r\n"
            + "GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        const std::string answer = co_await registry.exchange(bytes);
        // Taken and ignored, or refused; never the framing of anything.
        const bool refused = answer.starts_with("HTTP/1.1 400 ");
        BOOST_TEST((refused || answer.starts_with("HTTP/1.1 202 ")), answer);
        BOOST_TEST(count(answer, "HTTP/1.1 ") == (refused ? 1u : 2u), answer);
        const auto status = co_await registry.send("GET", location);
        BOOST_TEST(status.header("Range") == "0-4");
    }
}

BOOST_AUTO_TEST_CASE(trailers_are_never_used) {
    with_registry(trailers_that_end);
}

asio::awaitable<void> garbage(running_registry& registry) {
    std::string binary;
    for (int i = 0; i < 5000; ++i)
        binary.push_back(static_cast<char>(i * 7919 % 256));
    for (const std::string& bytes : std::vector<std::string>{
             "\r\n\r\n", "hello\r\n\r\n", "get /v2/ http/1.1\r\n\r\n", "GET\r\n\r\n",
             "GET /v2/\r\n\r\n", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
             "SSH-2.0-OpenSSH_9.2\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\xff" + binary,
             std::string(20, '\0'), "GET /" + std::string(20, '\xff') + " HTTP/1.1\r\n\r\n"}) {
        const std::string answer = co_await registry.exchange(bytes);
        BOOST_TEST(answer.starts_with("HTTP/1.1 400 "), answer);
    }
    const std::string endless =
        co_await registry.exchange("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
    BOOST_TEST(endless.starts_with("HTTP/1.1 431 "), endless);
    std::string many = "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n";
    for (std::size_t i = 0; i < limits::request_headers_max; ++i)
        many += "X: y\r\n";
    co_await refuses(registry, many + "\r\n", "400 ");
    const auto still = co_await registry.send("GET", "/v2/");
    BOOST_TEST(still.status == 200);
}

BOOST_AUTO_TEST_CASE(garbage_is_400_and_the_server_goes_on) {
    with_registry(garbage);
}

asio::awaitable<void> pipelines(running_registry& registry) {
    co_await registry.push("a", "hello");
    const std::string blob = "/v2/a/blobs/" + digest_of("hello").str();
    const std::string bytes = ping + "HEAD " + blob + " HTTP/1.1\r\nHost: localhost\r\n\r\nGET "
                              + blob
                              + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                              + ping;
    const std::string answer = co_await registry.exchange(bytes);
    BOOST_TEST(count(answer, "HTTP/1.1 200 ") == 3u, answer);
    BOOST_TEST(count(answer, "HTTP/1.1 404 ") == 1u, answer);
    BOOST_TEST(count(answer, "hello") == 1u, answer);
    // HTTP/1.0 keeps no connection unless it asks for that.
    const std::string old = co_await registry.exchange("GET /v2/ HTTP/1.0\r\n\r\n" + ping);
    BOOST_TEST(count(old, "HTTP/1.1 200 ") == 1u, old);
}

BOOST_AUTO_TEST_CASE(requests_on_one_connection_are_answered_in_order) {
    with_registry(pipelines);
}

asio::awaitable<void> crowd(running_registry& registry) {
    std::vector<std::unique_ptr<raw_connection>> idle;
    const std::vector<std::string> habits{
        "", "GET /v2/ HTT", ping,
        "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: localhost\r\nContent-L"};
    for (std::size_t i = 0; i < 200; ++i) {
        auto connection = std::make_unique<raw_connection>(registry.io());
        co_await connection->connect(registry.port());
        (void)co_await connection->send(habits[i % habits.size()]);
        idle.push_back(std::move(connection));
    }
    for (std::size_t i = 2; i < idle.size(); i += habits.size()) {
        const std::string answer = co_await idle[i]->read_until("\r\n\r\n{}");
        BOOST_TEST(answer.starts_with("HTTP/1.1 200 "));
    }
    co_await registry.push("a", "hello");
}

// Half of them say nothing, or only half of what they began.
BOOST_AUTO_TEST_CASE(many_connections_do_not_keep_others_out) {
    with_registry(crowd);
}

BOOST_AUTO_TEST_CASE(trailer_does_not_name_the_type_of_a_manifest) {
    with_registry(trailers);
}

// --- time ---------------------------------------------------------------------------------------

asio::awaitable<server::server_response> read_and_answer(server::server_request& request) {
    std::vector<std::byte> piece(1000);
    const std::size_t size = co_await read_full(request.body, piece);
    server::server_response response;
    response.body = std::to_string(size);
    co_return response;
}

/// A server for one connection, with limits that a test can wait for.
struct hasty_server {
    explicit hasty_server(asio::io_context& io)
        : acceptor(io, {asio::ip::address_v4::loopback(), 0}) {}

    asio::awaitable<void> serve() {
        auto got = co_await acceptor.async_accept(async::nothrow);
        if (std::get<0>(got))
            co_return;
        const server::connection_times times{
            .head = std::chrono::milliseconds(50),
            .idle = std::chrono::milliseconds(200),
            .body_bytes_min = 500};
        transport::stream stream(std::move(std::get<1>(got)));
        server::http_connection connection(std::move(stream), workers, times);
        connection.on_served = [this](const server::request_record& request) {
            served.push_back(request);
        };
        const server::request_handler handle = [](server::server_request& request) {
            return read_and_answer(request);
        };
        try {
            co_await connection.run(handle);
        } catch (const error& e) {
            failed = e.code();
        }
        ended = true;
    }

    async::cpu_pool workers{1};
    asio::ip::tcp::acceptor acceptor;
    std::optional<errc> failed;
    std::vector<server::request_record> served;
    bool ended = false;
};

/// Sends `first`, then a byte of `drip` whenever the server has not given up yet; `served` requests
/// have begun then.
asio::awaitable<void>
slow_client(asio::io_context& io, std::string first, std::string drip, std::size_t served = 0) {
    hasty_server server(io);
    async::task_group serving(io.get_executor());
    serving.spawn(server.serve());
    raw_connection client(io);
    co_await client.connect(server.acceptor.local_endpoint().port());
    (void)co_await client.send(first);
    asio::steady_timer pause(io);
    for (std::size_t i = 0; i < drip.size() && !server.ended; ++i) {
        (void)co_await client.send(std::string_view(drip).substr(i, 1));
        pause.expires_after(std::chrono::milliseconds(5));
        co_await pause.async_wait(asio::use_awaitable);
    }
    const std::string answer = co_await client.read_all();
    co_await serving.join();
    BOOST_TEST(answer == "");
    BOOST_TEST(server.served.size() == served);
    for (const server::request_record& one : server.served) {
        BOOST_TEST(one.status == 0u);
        BOOST_TEST(!one.complete);
    }
}

// A head has to be complete within its time, however busily its bytes drip in.
BOOST_AUTO_TEST_CASE(head_that_drips_in_is_cut_off) {
    const std::string endless = "X: " + std::string(100'000, 'y');
    run_coroutine([&](asio::io_context& io) {
        return slow_client(io, "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n", endless);
    });
}

BOOST_AUTO_TEST_CASE(silent_connection_is_closed) {
    run_coroutine([](asio::io_context& io) { return slow_client(io, "", ""); });
}

BOOST_AUTO_TEST_CASE(body_that_stops_is_given_up) {
    run_coroutine([](asio::io_context& io) {
        return slow_client(
            io, "PATCH /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nhello", "", 1);
    });
}

// Every byte comes long before the time-out, and yet this could go on for days.
BOOST_AUTO_TEST_CASE(body_that_drips_in_is_given_up) {
    const std::string head =
        "PATCH /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n";
    const std::string drip(100'000, 'y');
    run_coroutine([&](asio::io_context& io) { return slow_client(io, head, drip, 1); });
}

asio::awaitable<void> records(asio::io_context& io) {
    hasty_server server(io);
    async::task_group serving(io.get_executor());
    serving.spawn(server.serve());
    raw_connection client(io);
    co_await client.connect(server.acceptor.local_endpoint().port());
    const std::string sent =
        "PUT /a%20b?password=secret HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x"
        + std::string(1000, 'y') + "\r\nAuthorization: secret\r\nContent-Length: 5\r\n\r\nhello"
        + "BAD\r\n\r\n";
    (void)co_await client.send(sent);
    const std::string answer = co_await client.read_all();
    co_await serving.join();
    BOOST_REQUIRE(server.served.size() == 2u);
    const server::request_record& good = server.served[0];
    BOOST_TEST(good.method == "PUT");
    BOOST_TEST(good.path == "/a%20b");
    BOOST_TEST(good.agent.size() <= limits::logged_agent_bytes_max + 3);
    BOOST_TEST(good.status == 200u);
    BOOST_TEST(good.complete);
    BOOST_TEST(good.bytes_in == 5u);
    const server::request_record& bad = server.served[1];
    BOOST_TEST(bad.method == "");
    BOOST_TEST(bad.status == 400u);
    BOOST_TEST(good.bytes_out + bad.bytes_out == answer.size());
}

// What is told of a request: no query, no header but one, everything bounded, bytes exact.
BOOST_AUTO_TEST_CASE(requests_are_recorded) {
    run_coroutine([](asio::io_context& io) { return records(io); });
}

asio::awaitable<void> split_head(running_registry& registry) {
    // The end of a head is found however it comes in.
    for (std::size_t cut = 1; cut < ping.size(); ++cut) {
        raw_connection client(registry.io());
        co_await client.connect(registry.port());
        (void)co_await client.send(std::string_view(ping).substr(0, cut));
        for (int i = 0; i < 10; ++i)
            co_await asio::post(registry.io(), asio::use_awaitable);
        (void)co_await client.send(std::string_view(ping).substr(cut));
        const std::string answer = co_await client.read_until("\r\n\r\n{}");
        BOOST_TEST(answer.starts_with("HTTP/1.1 200 "), cut);
    }
}

BOOST_AUTO_TEST_CASE(head_may_be_split_anywhere) {
    with_registry(split_head);
}

BOOST_AUTO_TEST_SUITE_END()
