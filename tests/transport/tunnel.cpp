#include "transport/tunnel.hpp"

#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_tunnel)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;
using asio::ip::tcp;

const origin target{true, "reg.example.com", 8443};

/// Opens a tunnel through a proxy that gives this answer; the request it saw.
asio::awaitable<seen_request>
tunnelled(asio::io_context& io, answer says, std::string authorization) {
    scripted_server server(io, [says](const seen_request&) { return says; });
    tcp::socket socket(io);
    const tcp::endpoint there(asio::ip::address_v4::loopback(), server.port());
    co_await socket.async_connect(there, asio::use_awaitable);
    stream link(std::move(socket));
    const proxy via{server.origin(), std::move(authorization)};
    co_await open_tunnel(link, via, target);
    co_return server.log().front();
}

asio::awaitable<void> opened(asio::io_context& io) {
    const answer yes =
        answer::bytes("HTTP/1.1 200 Connection established\r\n\r\n", answer::next::stall);
    const seen_request request = co_await tunnelled(io, yes, "Basic MARKER");
    BOOST_TEST(request.method == "CONNECT");
    BOOST_TEST(request.target == "reg.example.com:8443");
    BOOST_TEST(request.header("Host") == "reg.example.com:8443");
    BOOST_TEST(request.header("Proxy-Authorization") == "Basic MARKER");
    const seen_request silent = co_await tunnelled(io, yes, "");
    BOOST_TEST(silent.header("Proxy-Authorization").empty());
}

BOOST_AUTO_TEST_CASE(connect_names_the_target) {
    run_coroutine(opened);
}

asio::awaitable<void> refused(asio::io_context& io) {
    answer wants_password = answer::with(407);
    wants_password.header("Proxy-Authenticate", "Basic realm=\"x\"");
    const error password = co_await error_of(tunnelled(io, wants_password, "Basic MARKER"));
    BOOST_TEST(password.code() == errc::transport_connect);
    BOOST_TEST(password.http_status() == 407);
    BOOST_TEST(
        password.message().find("does not connect to reg.example.com:8443") != std::string::npos);
    BOOST_TEST(password.hint().find("HTTPS_PROXY") != std::string::npos);
    BOOST_TEST(password.cause().find("MARKER") == std::string::npos);
    const error gateway = co_await error_of(tunnelled(io, answer::with(502), ""));
    BOOST_TEST(gateway.code() == errc::transport_connect);
    BOOST_TEST(gateway.hint().empty());
    const error closed = co_await error_of(tunnelled(io, answer::none(answer::next::close), ""));
    BOOST_TEST(closed.code() == errc::transport_connect);
    const error garbage = co_await error_of(tunnelled(io, answer::bytes("SSH-2.0-x\r\n"), ""));
    BOOST_TEST(garbage.code() == errc::transport_connect);
    // Bytes in front of the server's own could pass for the server's.
    const answer early = answer::bytes("HTTP/1.1 200 OK\r\n\r\nextra");
    const error eager = co_await error_of(tunnelled(io, early, ""));
    BOOST_TEST(eager.code() == errc::transport_connect);
}

BOOST_AUTO_TEST_CASE(refusals_say_what_the_proxy_said) {
    run_coroutine(refused);
}

BOOST_AUTO_TEST_SUITE_END()
