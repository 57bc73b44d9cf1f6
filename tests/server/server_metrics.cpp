// The exposition text, and that clients cannot make it grow.
#include "server/server_metrics.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_server_metrics)

using namespace tarpon;
using namespace tarpon::server;

bool has_line(const std::string& text, const std::string& line) {
    return text.starts_with(line + "\n") || text.find("\n" + line + "\n") != std::string::npos;
}

request_record request_of(std::string method, std::string path, unsigned status, double seconds) {
    request_record request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.status = status;
    request.seconds = seconds;
    request.bytes_in = 10;
    request.bytes_out = 100;
    return request;
}

BOOST_AUTO_TEST_CASE(requests_are_counted_by_method_and_status) {
    server_metrics metrics;
    metrics.count(request_of("GET", "/v2/", 200, 0.002));
    metrics.count(request_of("GET", "/v2/a/tags/list", 200, 0.2));
    metrics.count(request_of("PUT", "/push", 422, 20));
    metrics.count(request_of("", "", 0, 0));
    const std::string text = metrics.render({});
    BOOST_TEST(has_line(text, "tarpon_http_requests_total{method=\"GET\",status=\"200\"} 2"), text);
    BOOST_TEST(has_line(text, "tarpon_http_requests_total{method=\"PUT\",status=\"422\"} 1"));
    BOOST_TEST(has_line(text, "tarpon_http_requests_total{method=\"other\",status=\"none\"} 1"));
    BOOST_TEST(has_line(text, "tarpon_http_received_bytes_total 40"));
    BOOST_TEST(has_line(text, "tarpon_http_sent_bytes_total 400"));
}

// Cumulated, and the last bucket is the count.
BOOST_AUTO_TEST_CASE(durations_are_a_histogram) {
    server_metrics metrics;
    const double slow = 10 * server_metrics::seconds_bounds.back();
    for (const double seconds : {0.0005, 0.001, 0.002, 0.3, slow})
        metrics.count(request_of("GET", "/v2/", 200, seconds));
    const std::string text = metrics.render({});
    const std::string name = "tarpon_http_request_duration_seconds";
    const auto bucket = [&](const std::string& bound) {
        return name + "_bucket{part=\"registry\",le=\"" + bound + "\"} ";
    };
    BOOST_TEST(has_line(text, bucket("0.001") + "2"), text);
    BOOST_TEST(has_line(text, bucket("0.005") + "3"));
    BOOST_TEST(has_line(text, bucket("0.5") + "4"));
    BOOST_TEST(has_line(text, bucket("3600") + "4"));
    BOOST_TEST(has_line(text, bucket("+Inf") + "5"));
    BOOST_TEST(has_line(text, name + "_count{part=\"registry\"} 5"));
}

// Names that clients choose are no labels.
BOOST_AUTO_TEST_CASE(clients_cannot_make_it_grow) {
    server_metrics metrics;
    metrics.count(request_of("GET", "/", 200, 1));
    metrics.count(request_of("X", "/", 200, 1));
    const auto lines = [&] {
        const std::string text = metrics.render({});
        return std::count(text.begin(), text.end(), '\n');
    };
    const auto before = lines();
    for (int i = 0; i < 1000; ++i) {
        const std::string word = "SECRET" + std::to_string(i);
        metrics.count(request_of(word, "/" + word, 200, 1));
    }
    BOOST_TEST(lines() == before);
    BOOST_TEST(metrics.render({}).find("SECRET") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(pushes_blobs_and_gauges) {
    server_metrics metrics;
    metrics.count(push_outcome::partly);
    metrics.count(blob_status::reused);
    metrics.count(blob_status::uploaded);
    metrics.count_image();
    metrics.count_connection(true);
    metrics.count_connection(false);
    server_gauges now;
    now.connections = 3;
    now.stopping = true;
    const std::string without = metrics.render(now);
    BOOST_TEST(has_line(without, "tarpon_pushes_total{outcome=\"partly\"} 1"));
    BOOST_TEST(has_line(without, "tarpon_pushes_total{outcome=\"pushed\"} 0"));
    BOOST_TEST(has_line(without, "tarpon_push_blobs_total{status=\"reused\"} 1"));
    BOOST_TEST(has_line(without, "tarpon_push_blobs_total{status=\"uploaded\"} 1"));
    BOOST_TEST(has_line(without, "tarpon_push_images_total 1"));
    BOOST_TEST(has_line(without, "tarpon_connections_total 1"));
    BOOST_TEST(has_line(without, "tarpon_connections_refused_total 1"));
    BOOST_TEST(has_line(without, "tarpon_connections 3"));
    BOOST_TEST(has_line(without, "tarpon_stopping 1"));
    BOOST_TEST(without.find("tarpon_upload_sessions") == std::string::npos);
    now.upload_sessions = 2;
    BOOST_TEST(has_line(metrics.render(now), "tarpon_upload_sessions 2"));
}

BOOST_AUTO_TEST_SUITE_END()
