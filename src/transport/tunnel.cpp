// See tunnel.hpp. Source: RFC 9110 section 9.3.6.
#include "transport/tunnel.hpp"

#include "async/deadline.hpp"
#include "async/tokens.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>

namespace tarpon::transport {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

std::string connect_request(const proxy& via, const origin& to) {
    const bool brackets = to.host.find(':') != std::string::npos;
    const std::string target =
        concat(brackets ? "[" : "", to.host, brackets ? "]" : "", ":", to.port);
    std::string text = concat(
        "CONNECT ", target, " HTTP/1.1\r\nHost: ", target,
        "\r\nUser-Agent: tarpon/" TARPON_VERSION "\r\n");
    if (!via.authorization.empty())
        text += concat("Proxy-Authorization: ", via.authorization, "\r\n");
    return text + "\r\n";
}

error refused(const proxy& via, const origin& to, std::string cause, int status) {
    return error(
               errc::transport_connect,
               concat(
                   "the proxy ", via.at.host_header(), " does not connect to ", to.host_header()),
               std::move(cause),
               status == 407 ? "put user and password for the proxy into HTTPS_PROXY: "
                               "http://USER:PASSWORD@HOST:PORT"
                             : "")
        .with_status(status);
}

} // namespace

asio::awaitable<void> open_tunnel(stream& link, const proxy& via, const origin& to) {
    auto give_up = [&link] {
        link.close();
    };
    async::deadline limit(link.get_executor(), give_up);
    limit.arm(limits::connect_time_max);
    const std::string request = connect_request(via, to);
    const auto sent = co_await asio::async_write(link, asio::buffer(request), async::nothrow);
    boost::system::error_code ec = std::get<0>(sent);
    boost::beast::flat_buffer received(limits::response_header_bytes_max);
    http::response_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits::response_header_bytes_max));
    parser.skip(true);
    if (!ec) {
        const auto got = co_await http::async_read_header(link, received, parser, async::nothrow);
        ec = std::get<0>(got);
    }
    co_await async::throw_if_stopped();
    if (limit.expired())
        throw error(
            errc::transport_timeout,
            concat("the proxy ", via.at.host_header(), " did not answer in time"));
    if (ec)
        throw refused(via, to, foreign_text(ec.message()), 0);
    const int status = static_cast<int>(parser.get().result_int());
    const std::string_view reason(parser.get().reason().data(), parser.get().reason().size());
    if (status < 200 || status >= 300)
        throw refused(via, to, concat(status, " ", foreign_text(reason, 200)), status);
    if (received.size() > 0)
        throw refused(via, to, "it sent bytes before the tunnel was used", status);
}

} // namespace tarpon::transport
