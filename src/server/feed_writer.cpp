// See feed_writer.hpp.
#include "server/feed_writer.hpp"

#include "engine/event_json.hpp"
#include "model/text.hpp"

namespace tarpon::server {

feed_writer::feed_writer(
    push_feed& feed,
    server_metrics& metrics,
    const log_function& log,
    const std::string& own_host,
    const std::string& shown_host)
    : feed_(feed)
    , metrics_(metrics)
    , log_(log) {
    if (own_host.empty() || shown_host.empty())
        return;
    own_ = concat(own_host, "/");
    shown_ = concat(shown_host, "/");
}

std::string feed_writer::renamed(const std::string& name) const {
    const bool ours = !own_.empty() && name.starts_with(own_);
    return ours ? shown_ + name.substr(own_.size()) : name;
}

void feed_writer::add_result(std::string line) {
    has_result_ = true;
    feed_.add(std::move(line));
}

void feed_writer::on_blob(const blob_event& event) {
    metrics_.count(event.status);
    blob_event shown = event;
    shown.repository = renamed(event.repository);
    add_result(engine::to_json(shown));
}

void feed_writer::on_image(const image_event& event) {
    metrics_.count_image();
    image_event shown = event;
    shown.reference = renamed(event.reference);
    add_result(engine::to_json(shown));
}

void feed_writer::on_failure(const failure_event& event) {
    failure_event shown = event;
    shown.reference = renamed(event.reference);
    feed_.add(engine::to_json(shown));
}

void feed_writer::on_retry(const retry_event& event) {
    add_result(engine::to_json(event));
}

void feed_writer::on_progress(const progress_snapshot& now) {
    feed_.sample(engine::to_json(now));
}

} // namespace tarpon::server
