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
    , log_(log)
    , own_(own_host)
    , shown_(shown_host.empty() ? "this-server" : shown_host) {}

std::string feed_writer::renamed(const std::string& name) const {
    return own_.empty() ? name : boost::algorithm::replace_all_copy(name, own_, shown_);
}

/// Who pushes with curl or a page has no options, and whose account the server uses is not theirs
/// to know.
error feed_writer::for_client(const error& what) const {
    std::string message = renamed(what.message());
    std::string cause = renamed(what.cause());
    std::string hint = renamed(what.hint());
    if (class_of(what.code()) == error_class::auth) {
        message = what.code() == errc::registry_unauthorized
                      ? "the registry behind this server rejected its credentials"
                      : "the registry behind this server does not let it push there";
        cause.clear();
        hint = "the administrator of this server has to look at it";
    } else if (what.code() == errc::archive_unnamed) {
        hint = "give it a name: PUT /push?to=NAME:TAG, or to=@N=NAME:TAG for one of several images";
    } else if (hint.find("--") != hint.npos) {
        hint.clear(); // what an option does is the administrator's to know
    }
    boost::algorithm::replace_first(message, ": --image ", ": image=");
    boost::algorithm::replace_first(
        message, ", and --to is for one: choose it with --image:",
        ", and to= is for one: choose it with image=");
    error shown(what.code(), std::move(message), std::move(cause), std::move(hint));
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
    // All others may be the server's own: usage too, of files that its options name.
    const bool theirs = kind == error_class::archive || kind == error_class::interrupted;
    log_(
        theirs ? log_level::info : log_level::warn,
        concat("a push failed: ", event.what.one_line()));
    failure_event shown = event;
    shown.what = for_client(event.what);
    shown.reference = renamed(event.reference);
    feed_.add(engine::to_json(shown));
}

void feed_writer::on_retry(const retry_event& event) {
    retry_event shown = event;
    shown.what = renamed(event.what);
    shown.reason = renamed(event.reason);
    add_result(engine::to_json(shown));
}

void feed_writer::on_progress(const progress_snapshot& now) {
    feed_.sample(engine::to_json(now));
}

} // namespace tarpon::server
