// What the server counts, and the text Prometheus reads it in. Pure, but for the numbers of the
// process itself.
//
// Labels have few, fixed values: no name of a repository, tag, user or client is ever one. Source:
// Prometheus exposition format 0.0.4.
#pragma once

#include "server/request_record.hpp"

#include <tarpon/progress.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tarpon::server {

enum class push_outcome { pushed, partly, failed, cancelled, refused };

/// Numbers that others have, at the moment of the question.
struct server_gauges {
    std::size_t connections = 0;
    std::size_t pushes_running = 0;
    std::size_t watchers = 0;
    std::optional<std::size_t> upload_sessions; ///< none where everything is forwarded
    bool stopping = false;
};

class server_metrics {
public:
    void count(const request_record& request);
    void count(push_outcome outcome) { ++pushes_[static_cast<std::size_t>(outcome)]; }
    void count(blob_status status) { ++blobs_[static_cast<std::size_t>(status)]; }
    void count_image() { ++images_; }
    void count_archive_bytes(std::uint64_t bytes) { archive_bytes_ += bytes; }
    void count_connection(bool accepted) { ++(accepted ? accepted_ : turned_away_); }
    void count_lost_log_lines(std::uint64_t lines) { lost_log_lines_ += lines; }

    /// The exposition text; ends with a line feed.
    std::string render(const server_gauges& now) const;

    /// Upper bounds of the histogram of durations, in seconds; a last one is "+Inf".
    static constexpr std::array<double, 12> seconds_bounds{0.001, 0.005, 0.025, 0.1, 0.5, 1,
                                                           5,     15,    60,    300, 900, 3600};

private:
    struct histogram {
        std::array<std::uint64_t, seconds_bounds.size() + 1> in{}; ///< not cumulated
        double sum = 0;
    };

    void render_requests(std::string& out) const;
    void render_pushes(std::string& out, const server_gauges& now) const;
    void render_connections(std::string& out, const server_gauges& now) const;

    std::map<std::pair<std::string_view, unsigned>, std::uint64_t> requests_;
    std::map<std::string_view, histogram> seconds_;
    std::uint64_t bytes_in_ = 0, bytes_out_ = 0;
    std::array<std::uint64_t, 5> pushes_{};
    std::array<std::uint64_t, 4> blobs_{};
    std::uint64_t images_ = 0, archive_bytes_ = 0;
    std::uint64_t accepted_ = 0, turned_away_ = 0;
    std::uint64_t lost_log_lines_ = 0;
};

} // namespace tarpon::server
