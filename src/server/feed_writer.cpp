// See feed_writer.hpp.
#include "server/feed_writer.hpp"

#include "engine/event_json.hpp"
#include "model/text.hpp"

#include <boost/algorithm/string/replace.hpp>

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
    own_ = own_host;
    shown_ = shown_host;
}

std::string feed_writer::renamed(const std::string& name) const {
    return own_.empty() ? name : boost::algorithm::replace_all_copy(name, own_, shown_);
}

/// Who pushes with curl or a page has no options, and whose account the server uses is not theirs
/// to know.
error feed_writer::for_client(const error& what) const {
    const auto words = [this](const std::string& text) {
        return boost::algorithm::replace_all_copy(
            boost::algorithm::replace_all_copy(renamed(text), "--image ", "image="), "--to ",
            "to=");
    };
    const error_class kind = class_of(what.code());
    const bool of_target = kind == error_class::auth;
    std::string hint = of_target ? "the administrator of this server has to look at it"
                       : what.code() == errc::archive_unnamed
                           ? "give it a name: PUT /push?to=NAME:TAG"
                           : words(what.hint());
    error shown(
        what.code(),
        !of_target ? words(what.message())
        : what.code() == errc::registry_unauthorized
            ? "the registry behind this server rejected its credentials"
            : "the registry behind this server does not let it push there",
        of_target ? std::string() : words(what.cause()), std::move(hint));
    shown.with_status(what.http_status());
    return shown;
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
    const error_class kind = class_of(event.what.code());
    const bool ours = kind == error_class::auth || kind == error_class::registry
                      || kind == error_class::network || kind == error_class::internal;
    log_(
        ours ? log_level::warn : log_level::info,
        concat(
            "a push failed: ", event.what.message(), event.what.cause().empty() ? "" : ": ",
            event.what.cause()));
    failure_event shown = event;
    shown.what = for_client(event.what);
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
