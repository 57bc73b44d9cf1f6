// See server_metrics.hpp.
#include "server/server_metrics.hpp"

#include "model/text.hpp"
#include "server/process_numbers.hpp"

#include <algorithm>
#include <charconv>

namespace tarpon::server {
namespace {

constexpr std::array<std::string_view, 5> outcome_names{
    "pushed", "partly", "failed", "cancelled", "refused"};
constexpr std::array<std::string_view, 4> blob_names{"uploaded", "exists", "mounted", "reused"};
constexpr std::array<std::string_view, 7> methods{"GET",   "HEAD",   "PUT",    "POST",
                                                  "PATCH", "DELETE", "OPTIONS"};

std::string_view method_label(const std::string& method) {
    const auto found = std::find(methods.begin(), methods.end(), method);
    return found == methods.end() ? "other" : *found;
}

/// Pushes last as long as their archives; they would hide everything else.
std::string_view part_label(const request_record& request) {
    if (request.path == "/push" || request.path == "/push/events")
        return "push";
    return request.path.starts_with("/v2/") || request.path == "/v2" ? "registry" : "page";
}

std::string text_of(double value) {
    std::array<char, 40> digits{};
    return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

void describe(
    std::string& out, std::string_view name, std::string_view type, std::string_view help) {
    out += concat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void single(
    std::string& out,
    std::string_view name,
    std::string_view type,
    std::string_view help,
    std::string_view value) {
    describe(out, name, type, help);
    out += concat(name, " ", value, "\n");
}

void single(
    std::string& out,
    std::string_view name,
    std::string_view type,
    std::string_view help,
    std::uint64_t value) {
    single(out, name, type, help, std::to_string(value));
}

template <std::size_t Count>
void one_each(
    std::string& out,
    std::string_view name,
    std::string_view label,
    const std::array<std::string_view, Count>& names,
    const std::array<std::uint64_t, Count>& values) {
    for (std::size_t i = 0; i < Count; ++i)
        out += concat(name, "{", label, "=\"", names[i], "\"} ", values[i], "\n");
}

void render_process(std::string& out) {
    const process_numbers now = read_process_numbers();
    single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", now.resident_bytes);
    single(
        out, "tarpon_process_resident_memory_peak_bytes", "gauge",
        "Most resident memory since the start.", now.resident_peak_bytes);
    single(
        out, "process_cpu_seconds_total", "counter", "User and system CPU time.",
        text_of(now.cpu_seconds));
    single(out, "process_open_fds", "gauge", "Open file descriptors.", now.open_files);
    single(out, "process_max_fds", "gauge", "File descriptors there may be.", now.open_files_max);
    single(
        out, "process_start_time_seconds", "gauge", "When the process began, in Unix time.",
        text_of(now.start_time_seconds));
}

} // namespace

void server_metrics::count(const request_record& request) {
    ++requests_[{method_label(request.method), request.status}];
    bytes_in_ += request.bytes_in;
    bytes_out_ += request.bytes_out;
    histogram& into = seconds_[part_label(request)];
    const auto bound =
        std::lower_bound(seconds_bounds.begin(), seconds_bounds.end(), request.seconds);
    ++into.in[static_cast<std::size_t>(bound - seconds_bounds.begin())];
    into.sum += request.seconds;
}

void server_metrics::render_requests(std::string& out) const {
    constexpr std::string_view total = "tarpon_http_requests_total";
    describe(
        out, total, "counter",
        "Requests by method and status; status none: the connection ended before an answer.");
    for (const auto& [key, times] : requests_) {
        const std::string status = key.second == 0 ? "none" : std::to_string(key.second);
        out += concat(total, "{method=\"", key.first, "\",status=\"", status, "\"} ", times, "\n");
    }
    single(
        out, "tarpon_http_received_bytes_total", "counter", "Bytes of request bodies.", bytes_in_);
    single(
        out, "tarpon_http_sent_bytes_total", "counter", "Bytes of answers, heads included.",
        bytes_out_);
    constexpr std::string_view seconds = "tarpon_http_request_duration_seconds";
    describe(
        out, seconds, "histogram", "From the end of a request's head to the end of its answer.");
    for (const auto& [part, values] : seconds_) {
        std::uint64_t below = 0;
        for (std::size_t i = 0; i < values.in.size(); ++i) {
            below += values.in[i];
            const std::string bound =
                i < seconds_bounds.size() ? text_of(seconds_bounds[i]) : "+Inf";
            out += concat(seconds, "_bucket{part=\"", part, "\",le=\"", bound, "\"} ", below, "\n");
        }
        out += concat(seconds, "_sum{part=\"", part, "\"} ", text_of(values.sum), "\n");
        out += concat(seconds, "_count{part=\"", part, "\"} ", below, "\n");
    }
}

void server_metrics::render_pushes(std::string& out, const server_gauges& now) const {
    single(out, "tarpon_pushes_running", "gauge", "Archives being received.", now.pushes_running);
    describe(out, "tarpon_pushes_total", "counter", "Archives by how their push ended.");
    one_each(out, "tarpon_pushes_total", "outcome", outcome_names, pushes_);
    single(
        out, "tarpon_push_archive_bytes_total", "counter", "Bytes of archives received.",
        archive_bytes_);
    single(
        out, "tarpon_push_images_total", "counter", "References that pushes wrote or found.",
        images_);
    describe(out, "tarpon_push_blobs_total", "counter", "Blobs of pushes by what became of them.");
    one_each(out, "tarpon_push_blobs_total", "status", blob_names, blobs_);
    single(
        out, "tarpon_push_watchers", "gauge", "Pages that read the events of a push.",
        now.watchers);
}

void server_metrics::render_connections(std::string& out, const server_gauges& now) const {
    single(out, "tarpon_connections", "gauge", "Open connections.", now.connections);
    single(out, "tarpon_connections_total", "counter", "Connections served.", accepted_);
    single(
        out, "tarpon_connections_refused_total", "counter",
        "Connections closed at once: too many, or too many of one client.", turned_away_);
    if (now.upload_sessions)
        single(
            out, "tarpon_upload_sessions", "gauge", "Upload sessions of the embedded registry.",
            *now.upload_sessions);
    single(
        out, "tarpon_access_log_lost_lines_total", "counter",
        "Lines that the access log did not take in time.", lost_log_lines_);
    single(
        out, "tarpon_stopping", "gauge", "1 while what is under way is finished before the end.",
        now.stopping ? 1u : 0u);
}

std::string server_metrics::render(const server_gauges& now) const {
    std::string out;
    describe(out, "tarpon_build_info", "gauge", "1, with the version.");
    out += concat("tarpon_build_info{version=\"", TARPON_VERSION, "\"} 1\n");
    render_requests(out);
    render_pushes(out, now);
    render_connections(out, now);
    render_process(out);
    return out;
}

} // namespace tarpon::server
