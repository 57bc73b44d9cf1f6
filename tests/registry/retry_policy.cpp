#include "registry/retry_policy.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_retry_policy)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::registry;
using namespace std::chrono_literals;

BOOST_DATA_TEST_CASE(
    overload_and_broken_gateways_may_pass,
    bdata::make({408, 429, 499, 500, 502, 503, 504, 520, 524}),
    status) {
    BOOST_TEST(may_pass(status));
    error what(errc::registry_failed, "refused");
    what.with_status(status);
    BOOST_TEST(may_pass(what));
}

BOOST_DATA_TEST_CASE(
    decisions_do_not_pass,
    bdata::make({200, 202, 301, 400, 401, 403, 404, 405, 409, 411, 413, 415, 416, 501, 505, 511}),
    status) {
    BOOST_TEST(!may_pass(status));
}

BOOST_AUTO_TEST_CASE(broken_connections_may_pass_and_wrong_names_do_not) {
    for (const errc code :
         {errc::transport_connect, errc::transport_closed, errc::transport_timeout})
        BOOST_TEST(may_pass(error(code, "x")));
    for (const errc code :
         {errc::transport_resolve, errc::transport_tls, errc::transport_not_tls, errc::usage,
          errc::digest_mismatch, errc::registry_protocol, errc::cancelled})
        BOOST_TEST(!may_pass(error(code, "x")));
}

BOOST_AUTO_TEST_CASE(delays_double_up_to_a_cap) {
    BOOST_TEST((backoff(500ms, 0, 1.0) == 500ms));
    BOOST_TEST((backoff(500ms, 1, 1.0) == 1000ms));
    BOOST_TEST((backoff(500ms, 4, 1.0) == 8000ms));
    BOOST_TEST((backoff(500ms, 10, 1.0) == 30s));
    BOOST_TEST((backoff(500ms, 1'000'000, 1.0) == 30s));
    // the random part is half of it
    BOOST_TEST((backoff(500ms, 0, 0.0) == 250ms));
    BOOST_TEST((backoff(500ms, 10, 0.0) == 15s));
}

struct header_sample {
    const char* text;
    std::optional<retry_delay> wanted;
};
std::ostream& operator<<(std::ostream& out, const header_sample& s) {
    return out << s.text;
}

// 784111777 is the moment of the date in RFC 9110.
const header_sample headers[] = {
    {"0", 0ms},
    {" 7 ", 7s},
    {"300", 300s},
    {"301", 300s},
    {"1000000000", 300s},
    {"99999999999999999999999999", 300s},
    {"-1", std::nullopt},
    {"1.5", std::nullopt},
    {"soon", std::nullopt},
    {"", std::nullopt},
    {"Sun, 06 Nov 1994 08:49:57 GMT", 20s},
    {"Sun, 06 Nov 1994 08:49:07 GMT", 0ms},
    {"Mon, 06 Nov 2094 08:49:07 GMT", 300s},
    {"Sun, 06 Nov 1994 08:49:57", std::nullopt},
};

BOOST_DATA_TEST_CASE(retry_after_in_both_forms, bdata::make(headers), sample) {
    const auto now = std::chrono::system_clock::from_time_t(784111777);
    BOOST_TEST((parse_retry_after(sample.text, now) == sample.wanted));
}

BOOST_AUTO_TEST_SUITE_END()
