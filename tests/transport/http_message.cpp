#include "transport/http_message.hpp"

#include "support/printing.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_http_message)

using namespace tarpon;
using namespace tarpon::transport;

class sized_body final : public body_source {
public:
    explicit sized_body(std::optional<std::uint64_t> size)
        : size_(size) {}
    boost::asio::awaitable<body_piece> next() override { co_return body_piece{}; }
    std::optional<std::uint64_t> length() const override { return size_; }

private:
    std::optional<std::uint64_t> size_;
};

http_request request_to(std::string_view method, std::string_view at) {
    http_request request;
    request.method = method;
    request.to = parse_url(at).value();
    return request;
}

bool has_line(const std::string& head, const std::string& line) {
    return head.find("\r\n" + line + "\r\n") != head.npos;
}

BOOST_AUTO_TEST_CASE(head_of_a_get) {
    http_request request = request_to("GET", "https://h:8443/v2/?n=1");
    request.headers.emplace_back("Accept", "a/b, c/d");
    const std::string head = request_head(request);
    BOOST_TEST(head.starts_with("GET /v2/?n=1 HTTP/1.1\r\nHost: h:8443\r\nUser-Agent: tarpon/"));
    BOOST_TEST(has_line(head, "Accept-Encoding: identity"));
    BOOST_TEST(has_line(head, "Accept: a/b, c/d"));
    BOOST_TEST(head.ends_with("\r\n\r\n"));
    BOOST_TEST(head.find("Content-Length") == head.npos);
}

// GCR answers 411 to a POST without Content-Length.
BOOST_AUTO_TEST_CASE(bodies_are_framed) {
    BOOST_TEST(has_line(request_head(request_to("POST", "http://h/")), "Content-Length: 0"));
    BOOST_TEST(has_line(request_head(request_to("PUT", "http://h/")), "Content-Length: 0"));
    http_request text = request_to("PUT", "http://h/");
    text.body = "hello";
    BOOST_TEST(has_line(request_head(text), "Content-Length: 5"));
    sized_body known(123), empty(0), unknown(std::nullopt);
    http_request streamed = request_to("PATCH", "http://h/");
    streamed.stream = &known;
    BOOST_TEST(has_line(request_head(streamed), "Content-Length: 123"));
    streamed.stream = &empty;
    BOOST_TEST(has_line(request_head(streamed), "Content-Length: 0"));
    streamed.stream = &unknown;
    BOOST_TEST(has_line(request_head(streamed), "Transfer-Encoding: chunked"));
    BOOST_TEST(request_head(streamed).find("Content-Length") == std::string::npos);
}

// Whatever found its way into a header must not end its line.
BOOST_AUTO_TEST_CASE(line_ends_in_headers_and_targets_refused) {
    const auto refused = [](const http_request& request) {
        try {
            request_head(request);
        } catch (const error& e) {
            return e.code() == errc::internal;
        }
        return false;
    };
    for (const std::string& bad :
         {std::string("a\r\nX: y"), std::string("a\n"), std::string("a\0b", 3),
          std::string("\x7f")}) {
        http_request value = request_to("GET", "http://h/");
        value.headers.emplace_back("A", bad);
        BOOST_TEST(refused(value));
        http_request name = request_to("GET", "http://h/");
        name.headers.emplace_back(bad, "a");
        BOOST_TEST(refused(name));
        http_request target = request_to("GET", "http://h/");
        target.to.target = "/" + bad;
        BOOST_TEST(refused(target));
    }
    http_request blank = request_to("GET", "http://h/");
    blank.to.target = "/a b";
    BOOST_TEST(refused(blank));
}

BOOST_AUTO_TEST_CASE(header_is_found_in_any_case) {
    http_response response;
    response.headers = {{"LOCATION", "1"}, {"Location", "2"}, {"Empty", ""}};
    BOOST_TEST(response.header("location") == "1");
    BOOST_TEST(response.header("empty").empty());
    BOOST_TEST(response.header("absent").empty());
}

BOOST_AUTO_TEST_CASE(ok_is_2xx) {
    for (const auto& [status, fine] :
         {std::pair(199, false), std::pair(200, true), std::pair(299, true),
          std::pair(300, false)}) {
        http_response response;
        response.status = status;
        BOOST_TEST(response.ok() == fine, status);
    }
}

BOOST_AUTO_TEST_SUITE_END()
