#include "transport/connection.hpp"

#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "transport/http_exchange.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_connection)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::transport;
namespace asio = boost::asio;

answer hello(const seen_request&) {
    return answer::with(200, "hello");
}

asio::awaitable<std::string> body_over(connection& over, std::string target) {
    http_request request;
    request.method = "GET";
    request.to = {over.peer, std::move(target)};
    const exchange_outcome got = co_await exchange(over, request);
    co_return got.response ? got.response->body : got.failed->message();
}

asio::awaitable<void> plain_works(asio::io_context& io) {
    scripted_server server(io, hello);
    dialer dial(io.get_executor(), {});
    const auto made = co_await dial.dial(server.origin());
    BOOST_TEST(!made->link.is_tls());
    const std::string body = co_await body_over(*made, "/x");
    BOOST_TEST(body == "hello");
    BOOST_TEST(server.log().at(0).header("Host") == server.host());
}

BOOST_AUTO_TEST_CASE(plain_connection_carries_a_request) {
    run_coroutine(plain_works);
}

asio::awaitable<void> tls_works(asio::io_context& io) {
    const test_authority authority;
    const temp_dir dir;
    scripted_server server(io, hello, authority.issue({.ip_addresses = {"127.0.0.1"}}));
    connection_options options;
    options.ca_file = dir.write("ca.pem", authority.pem());
    dialer dial(io.get_executor(), options);
    const auto made = co_await dial.dial(server.origin());
    BOOST_TEST(made->link.is_tls());
    const std::string body = co_await body_over(*made, "/x");
    BOOST_TEST(body == "hello");
}

BOOST_AUTO_TEST_CASE(tls_connection_carries_a_request) {
    run_coroutine(tls_works);
}

// Every connection is verified, not only the first.
asio::awaitable<void> tls_other_name(asio::io_context& io) {
    const test_authority authority;
    const temp_dir dir;
    scripted_server server(io, hello, authority.issue({.dns_names = {"other.test"}}));
    connection_options options;
    options.ca_file = dir.write("ca.pem", authority.pem());
    dialer dial(io.get_executor(), options);
    for (int i = 0; i < 2; ++i) {
        const error failed = co_await error_of(dial.dial(server.origin()));
        BOOST_TEST(failed.cause() == "the server's certificate is not for the name 127.0.0.1");
        BOOST_TEST(server.log().empty());
    }
}

BOOST_AUTO_TEST_CASE(certificate_of_another_name_refused) {
    run_coroutine(tls_other_name);
}

asio::awaitable<void> plain_on_tls_port(asio::io_context& io) {
    scripted_server server(io, hello);
    dialer dial(io.get_executor(), {});
    origin at = server.origin();
    at.tls = true;
    const error failed = co_await error_of(dial.dial(at));
    BOOST_TEST(failed.code() == errc::transport_not_tls);
    BOOST_TEST(failed.cause() == "the server does not speak TLS on this port");
    BOOST_TEST(failed.hint().find("--plain-http") != std::string::npos);
    BOOST_TEST(server.log().empty());
}

BOOST_AUTO_TEST_CASE(plain_server_on_a_tls_port_gets_a_hint) {
    run_coroutine(plain_on_tls_port);
}

std::uint16_t closed_port(asio::io_context& io) {
    asio::ip::tcp::acceptor taken(io, {asio::ip::address_v4::loopback(), 0});
    return taken.local_endpoint().port();
}

asio::awaitable<void> nobody_listens(asio::io_context& io) {
    dialer dial(io.get_executor(), {});
    const origin at{false, "127.0.0.1", closed_port(io)};
    const error failed = co_await error_of(dial.dial(at));
    BOOST_TEST(failed.code() == errc::transport_connect);
    BOOST_TEST(failed.message() == "no connection to " + at.host_header());
    BOOST_TEST(!failed.cause().empty());
}

BOOST_AUTO_TEST_CASE(refused_connection_names_the_place) {
    run_coroutine(nobody_listens);
}

// A label of 70 bytes is no name, so nobody is asked over the network.
asio::awaitable<void> no_such_name(asio::io_context& io) {
    dialer dial(io.get_executor(), {});
    const origin at{false, std::string(70, 'a') + ".invalid", 80};
    const error failed = co_await error_of(dial.dial(at));
    BOOST_TEST(failed.code() == errc::transport_resolve);
}

BOOST_AUTO_TEST_CASE(name_without_address_is_an_error_of_its_own) {
    run_coroutine(no_such_name);
}

// "localhost" may be ::1 first, where nobody listens: the next address is tried.
asio::awaitable<void> second_address(asio::io_context& io) {
    scripted_server server(io, hello);
    dialer dial(io.get_executor(), {});
    const origin at{false, "localhost", server.port()};
    const auto made = co_await dial.dial(at);
    const std::string body = co_await body_over(*made, "/");
    BOOST_TEST(body == "hello");
    BOOST_TEST(server.log().at(0).header("Host") == at.host_header());
}

BOOST_AUTO_TEST_CASE(every_address_of_a_name_is_tried) {
    run_coroutine(second_address);
}

BOOST_AUTO_TEST_SUITE_END()
