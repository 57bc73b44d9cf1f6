// The vectors are those of Http11Probe and of the advisories on request smuggling: what two
// programs in a row could read differently must be refused.
#include "server/request_framing.hpp"

#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_request_framing)

using namespace tarpon;
using server::check_request_head;

/// A PATCH with these header lines besides Host.
std::string patch(std::string_view lines, std::string_view version = "HTTP/1.1") {
    return std::string("PATCH /v2/a/blobs/uploads/x ")
        .append(version)
        .append("\r\nHost: localhost:5000\r\n")
        .append(lines)
        .append("\r\n");
}

/// The reason of the refusal; empty if it is accepted.
std::string reason(std::string_view head) {
    const auto checked = check_request_head(head);
    if (checked)
        return {};
    BOOST_TEST(checked.error().code == errc::registry_protocol);
    return checked.error().message;
}

// What curl, docker, podman, skopeo and tarpon send.
BOOST_AUTO_TEST_CASE(heads_of_real_clients_accepted) {
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: 127.0.0.1:5000\r\nAccept: */*\r\n\r\n") == "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nhost: [::1]:5000\r\n\r\n") == "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: my_registry:5000\r\n\r\n") == "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.0\r\n\r\n") == "");
    BOOST_TEST(reason(patch("Content-Length: 0\r\n")) == "");
    BOOST_TEST(reason(patch("Content-Length:\t12 \r\n")) == "");
    BOOST_TEST(reason(patch("Transfer-Encoding: chunked\r\n")) == "");
    BOOST_TEST(reason(patch("transfer-encoding: Chunked\r\n")) == "");
    BOOST_TEST(reason(patch("X-Empty:\r\nX-Text: caf\xc3\xa9\t!\r\n")) == "");
}

// Transfer-Encoding and Content-Length in every order, spelling and version.
BOOST_AUTO_TEST_CASE(two_framings_refused) {
    for (const char* lines :
         {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
          "content-length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n"})
        BOOST_TEST(reason(patch(lines)).find("exclude each other") != std::string::npos, lines);
    BOOST_TEST(
        reason(patch("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "HTTP/1.0")) != "");
}

BOOST_AUTO_TEST_CASE(encodings_other_than_one_chunked_refused) {
    for (const char* value :
         {"gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked",
          "identity", "identity, chunked", "\"chunked\"", "xchunked", "chunkedx", "chunked;q=1",
          "chunk", "", "chunked chunked", "chunked\x0b",
          "\x0b"
          "chunked"})
        BOOST_TEST(reason(patch(std::string("Transfer-Encoding: ") + value + "\r\n")) != "", value);
    BOOST_TEST(reason(patch("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")) != "");
    BOOST_TEST(
        reason(patch("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n")) != "");
    BOOST_TEST(reason(patch("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n")) != "");
}

BOOST_AUTO_TEST_CASE(chunked_http_1_0_refused) {
    BOOST_TEST(
        reason(patch("Transfer-Encoding: chunked\r\n", "HTTP/1.0"))
        == "HTTP/1.0 has no Transfer-Encoding");
}

BOOST_AUTO_TEST_CASE(content_length_that_is_no_plain_number_refused) {
    for (const char* value :
         {"+5", "-5", "5, 5", "5,6", "0x5", "5 5", "5;", "", "1e3", "5.0", "\xd9\xa5",
          "18446744073709551616", "99999999999999999999", "1234567890123456789", "five"})
        BOOST_TEST(reason(patch(std::string("Content-Length: ") + value + "\r\n")) != "", value);
    BOOST_TEST(reason(patch("Content-Length: 5\r\nContent-Length: 5\r\n")) != "");
    BOOST_TEST(reason(patch("Content-Length: 5\r\ncontent-length: 6\r\n")) != "");
}

// A reader that takes them for line ends sees other headers than one that does not.
BOOST_AUTO_TEST_CASE(bare_line_ends_refused) {
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\nHost: a\n\n") != "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: a\n\r\n") != "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: a\r\n\n") != "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\rHost: a\r\r") != "");
    BOOST_TEST(reason(patch("X: a\rContent-Length: 5\r\n")) == "a bare carriage return");
    BOOST_TEST(reason(patch("X: a\nContent-Length: 5\r\n")) != "");
    BOOST_TEST(reason(patch("X: a\r\r\n")) != "");
}

BOOST_AUTO_TEST_CASE(folded_lines_refused) {
    BOOST_TEST(reason(patch("X: a\r\n Content-Length: 5\r\n")) == "a header line is folded");
    BOOST_TEST(reason(patch("Transfer-Encoding:\r\n\tchunked\r\n")) == "a header line is folded");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\n Host: a\r\n\r\n") == "a header line is folded");
}

BOOST_AUTO_TEST_CASE(odd_header_names_refused) {
    for (const char* line :
         {"Content-Length : 5", "Content-Length\t: 5", "Transfer-Encoding : chunked", ": 5", "X",
          "X Y: 5", "Content\x00-Length: 5", "X(Y): 5", "X\"Y: 5", "Content-Length\x0b: 5",
          "X\xc3\xa9: 5", "[Content-Length]: 5"})
        BOOST_TEST(reason(patch(std::string(line) + "\r\n")) != "", line);
    const std::string nul("Content-Length\0: 5\r\n", 20);
    BOOST_TEST(reason(patch(nul)) != "");
}

BOOST_AUTO_TEST_CASE(controls_in_values_refused) {
    BOOST_TEST(reason(patch(std::string("X: a\0b\r\n", 8))) != "");
    for (const char* value : {"a\x01", "a\x1b[0m", "a\x7f", "a\x0b", "a\x0c"})
        BOOST_TEST(reason(patch(std::string("X: ") + value + "\r\n")) != "", value);
}

// Whom a request is for must be said once, and as a host.
BOOST_AUTO_TEST_CASE(host_missing_repeated_or_odd_refused) {
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\n\r\n") != "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") != "");
    BOOST_TEST(reason("GET /v2/ HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n") != "");
    for (const char* host :
         {"", "a b", "a, b", "user@a", "a/path", "a?x", "a#x", "http://a", "a\\b", "a\"", "a%00"})
        BOOST_TEST(
            reason(std::string("GET /v2/ HTTP/1.1\r\nHost: ") + host + "\r\n\r\n")
                == "Host must be a host and a port",
            host);
}

BOOST_AUTO_TEST_CASE(odd_request_lines_refused) {
    for (const char* line :
         {"GET /v2/",
          "GET",
          "",
          "GET  /v2/ HTTP/1.1",
          "GET /v2/  HTTP/1.1",
          " GET /v2/ HTTP/1.1",
          "GET\t/v2/\tHTTP/1.1",
          "GET /v2/ HTTP/1.1 ",
          "GET /v 2/ HTTP/1.1",
          "GET v2 HTTP/1.1",
          "GET * HTTP/1.1",
          "GET http://a/v2/ HTTP/1.1",
          "CONNECT a:443 HTTP/1.1",
          "GET /v2/#x HTTP/1.1",
          "GET /v2/\xc3\xa9 HTTP/1.1",
          "G(T /v2/ HTTP/1.1",
          "GET /v2/ HTTP/2.0",
          "GET /v2/ HTTP/0.9",
          "GET /v2/ HTTP/1.2",
          "GET /v2/ HTTP/1.01",
          "GET /v2/ http/1.1",
          "GET /v2/ HTTP /1.1",
          "GET /v2/ HTTPS/1.1",
          "GET /v2/ \x7f"})
        BOOST_TEST(reason(std::string(line) + "\r\nHost: a\r\n\r\n") != "", line);
    const std::string method(33, 'A');
    BOOST_TEST(reason(method + " /v2/ HTTP/1.1\r\nHost: a\r\n\r\n") == "the method is malformed");
}

BOOST_AUTO_TEST_CASE(limits_hold_at_their_last_value) {
    const auto target = [](std::size_t size) {
        return "GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n";
    };
    BOOST_TEST(reason(target(limits::request_target_bytes_max)) == "");
    BOOST_TEST(
        reason(target(limits::request_target_bytes_max + 1)) == "the request target is too long");
    const auto headers = [](std::size_t count) {
        std::string lines;
        for (std::size_t i = 1; i < count; ++i)
            lines += "X: y\r\n";
        return patch(lines);
    };
    BOOST_TEST(reason(headers(limits::request_headers_max)) == "");
    BOOST_TEST(reason(headers(limits::request_headers_max + 1)) == "too many headers");
}

BOOST_AUTO_TEST_CASE(head_that_does_not_end_where_it_should_refused) {
    BOOST_TEST(reason("") == "the request head has no end");
    BOOST_TEST(reason("GET /v2/ HTTP/1.1\r\nHost: a\r\n") == "the request head has no end");
    BOOST_TEST(
        reason("GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\nGET") == "something follows the request head");
    BOOST_TEST(reason("\r\nGET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n") != "");
}

BOOST_AUTO_TEST_SUITE_END()
