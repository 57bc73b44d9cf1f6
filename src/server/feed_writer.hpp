// Turns what a push tells into the lines of its feed, and counts it.
#pragma once

#include "server/push_feed.hpp"
#include "server/server_metrics.hpp"

#include <tarpon/progress.hpp>

#include <functional>
#include <string>

namespace tarpon::server {

class feed_writer final : public progress_observer {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    /// `own_host`, where the engine finds the embedded registry, becomes `shown_host`, by which
    /// the client knows it (HTTP/1.0 may not say). Without the first nothing is renamed. What a
    /// client does not learn of a failure is in the log.
    feed_writer(
        push_feed& feed,
        server_metrics& metrics,
        const log_function& log,
        const std::string& own_host,
        const std::string& shown_host);

    void on_blob(const blob_event& event) override;
    void on_image(const image_event& event) override;
    void on_failure(const failure_event& event) override;
    void on_retry(const retry_event& event) override;
    void on_progress(const progress_snapshot& now) override;
    void on_log(log_level level, const std::string& message) override { log_(level, message); }

    /// Something that the client should see at once: the answer can be begun.
    bool has_result() const noexcept { return has_result_; }

private:
    void add_result(std::string line);
    std::string renamed(const std::string& name) const;
    error for_client(const error& what) const;

    push_feed& feed_;
    server_metrics& metrics_;
    const log_function& log_;
    std::string own_, shown_; ///< hosts
    bool has_result_ = false;
};

} // namespace tarpon::server
