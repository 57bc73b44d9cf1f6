#include "transport/unsent_bound.hpp"

#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "support/text_body.hpp"
#include "transport/connection.hpp"
#include "transport/http_client.hpp"
#include "transport/http_exchange.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <set>

BOOST_AUTO_TEST_SUITE(test_unsent_bound)

namespace asio = boost::asio;
namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;

/// Bytes; 0: as the system does it.
int bound_of(int socket) {
    int most = -1;
    socklen_t size = sizeof most;
    BOOST_REQUIRE(::getsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, &size) == 0);
    return most;
}

int bound_of(connection& one) {
    return bound_of(one.link.socket().native_handle());
}

answer accepted(const seen_request&) {
    return answer::with(202);
}

http_request upload_of(body_source& body, const scripted_server& server) {
    http_request request;
    request.method = "PATCH";
    request.to = server.url("/x");
    request.stream = &body;
    return request;
}

asio::awaitable<void> set_and_taken_back(asio::io_context& io) {
    scripted_server server(io, accepted);
    dialer dial(io.get_executor(), {});
    const auto made = co_await dial.dial(server.origin());
    BOOST_TEST(bound_of(*made) == 0);
    made->unsent.keep_little(made->link.socket(), true);
    BOOST_TEST(bound_of(*made) == limits::unsent_bytes_on_this_machine);
    made->unsent.keep_little(made->link.socket(), false);
    BOOST_TEST(bound_of(*made) == 0);
}

BOOST_AUTO_TEST_CASE(bound_is_set_and_taken_back) {
    run_coroutine(set_and_taken_back);
}

// Of a far end that was gone at once nothing is known, not even that it was on this machine.
asio::awaitable<void> far_end_unknown(asio::io_context& io) {
    const asio::ip::tcp::socket closed(io);
    unsent_bound unknown(closed);
    scripted_server server(io, accepted);
    dialer dial(io.get_executor(), {});
    const auto made = co_await dial.dial(server.origin());
    unknown.keep_little(made->link.socket(), true);
    BOOST_TEST(bound_of(*made) == 0);
}

BOOST_AUTO_TEST_CASE(unknown_far_end_is_left_alone) {
    run_coroutine(far_end_unknown);
}

asio::awaitable<void> body_beside(asio::io_context& io, std::size_t bodies, int& bound) {
    scripted_server server(io, accepted);
    dialer dial(io.get_executor(), {});
    const auto made = co_await dial.dial(server.origin());
    made->bodies = bodies == 0 ? nullptr : &bodies;
    text_body body(std::string(100'000, 'x'));
    const http_request request = upload_of(body, server);
    const exchange_outcome got = co_await exchange(*made, request);
    BOOST_TEST(got.response.has_value());
    bound = bound_of(*made);
}

// Of several each has a thread at the far end, and large writes cost less.
BOOST_DATA_TEST_CASE(only_a_body_alone_is_bound, bdata::make({0u, 1u, 2u}), bodies) {
    int bound = -1;
    run_coroutine([&](asio::io_context& io) { return body_beside(io, bodies, bound); });
    BOOST_TEST(bound == (bodies == 1 ? limits::unsent_bytes_on_this_machine : 0));
}

/// Sees which bounds the connections of this process to a port have while it is sent.
class watching_body final : public body_source {
public:
    watching_body(std::uint16_t port, std::string text)
        : port_(port)
        , inner_(std::move(text)) {}
    asio::awaitable<body_piece> next() override {
        for (int socket = 3; socket < 256; ++socket) {
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0
                && peer.sin_port == htons(port_))
                seen.insert(bound_of(socket));
        }
        return inner_.next();
    }
    std::optional<std::uint64_t> length() const override { return inner_.length(); }

    std::set<int> seen;

private:
    const std::uint16_t port_;
    text_body inner_;
};

asio::awaitable<void> client_counts(asio::io_context& io) {
    scripted_server server(io, accepted);
    http_client client(io.get_executor(), {}, 2);
    for (int i = 0; i < 2; ++i) {
        watching_body body(server.origin().port, std::string(100'000, 'x'));
        http_request request = upload_of(body, server);
        (void)co_await client.send(std::move(request));
        BOOST_TEST(body.seen.count(limits::unsent_bytes_on_this_machine) == 1u);
    }
}

BOOST_AUTO_TEST_CASE(client_counts_its_bodies) {
    run_coroutine(client_counts);
}

BOOST_AUTO_TEST_SUITE_END()
