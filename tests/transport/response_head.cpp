#include "transport/response_head.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_response_head)

using namespace tarpon::transport;

BOOST_AUTO_TEST_CASE(head_ends_with_an_empty_line) {
    BOOST_TEST(head_length("") == 0u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\r\nA: b\r\n") == 0u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\r\nA: b\r\n\r") == 0u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\r\n\r\nbody\n\n") == 19u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\n\nbody") == 17u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\nA: b\r\n\r\n") == 24u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\r\nA: b\n\n") == 23u);
    BOOST_TEST(head_length("HTTP/1.1 200 OK\n\r\n") == 18u);
}

BOOST_AUTO_TEST_CASE(other_protocols_are_told_at_once) {
    for (const char* text : {"", "H", "HTTP", "HTTP/", "HTTP/1.1 200 OK"})
        BOOST_TEST(may_be_response(text), text);
    for (const char* text : {"S", "SSH-2.0-x", "http/1.1", "HTTPS", "201 Created\n", "\r\n"})
        BOOST_TEST(!may_be_response(text), text);
}

BOOST_AUTO_TEST_CASE(lines_get_their_proper_ends) {
    BOOST_TEST(!with_proper_lines("").has_value());
    BOOST_TEST(!with_proper_lines("HTTP/1.1 200 OK\r\nA: b\r\n\r\n").has_value());
    BOOST_TEST(
        with_proper_lines("HTTP/1.1 429 No\nA: b\r\nC: d\n\n").value()
        == "HTTP/1.1 429 No\r\nA: b\r\nC: d\r\n\r\n");
    BOOST_TEST(with_proper_lines("\n").value() == "\r\n");
}

BOOST_AUTO_TEST_SUITE_END()
