// See event_json.hpp. Fields may be added, never changed.
#include "engine/event_json.hpp"

#include "model/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace tarpon::engine {
namespace {

namespace json = boost::json;

json::object begin(const char* event) {
    return {{"schema", 1}, {"event", event}};
}

json::value or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(valid_utf8(text));
}

const char* name_of(blob_status status) {
    switch (status) {
    case blob_status::uploaded:
        return "uploaded";
    case blob_status::exists:
        return "exists";
    case blob_status::mounted:
        return "mounted";
    case blob_status::reused:
        return "reused";
    }
    return "uploaded";
}

/// For who translates messages; the words of a code are as fixed as the fields.
const char* name_of(errc code) {
    switch (code) {
    case errc::usage:
        return "usage";
    case errc::archive_unreadable:
        return "archive_unreadable";
    case errc::archive_empty:
        return "archive_empty";
    case errc::archive_not_tar:
        return "archive_not_tar";
    case errc::archive_truncated:
        return "archive_truncated";
    case errc::archive_damaged:
        return "archive_damaged";
    case errc::archive_not_image:
        return "archive_not_image";
    case errc::archive_metadata:
        return "archive_metadata";
    case errc::archive_blob_missing:
        return "archive_blob_missing";
    case errc::archive_unnamed:
        return "archive_unnamed";
    case errc::archive_platform_missing:
        return "archive_platform_missing";
    case errc::archive_unsupported:
        return "archive_unsupported";
    case errc::archive_limit:
        return "archive_limit";
    case errc::digest_mismatch:
        return "digest_mismatch";
    case errc::archive_changed:
        return "archive_changed";
    case errc::registry_unauthorized:
        return "registry_unauthorized";
    case errc::registry_denied:
        return "registry_denied";
    case errc::registry_not_found:
        return "registry_not_found";
    case errc::registry_manifest_rejected:
        return "registry_manifest_rejected";
    case errc::registry_too_large:
        return "registry_too_large";
    case errc::registry_refused:
        return "registry_refused";
    case errc::registry_failed:
        return "registry_failed";
    case errc::registry_protocol:
        return "registry_protocol";
    case errc::transport_resolve:
        return "transport_resolve";
    case errc::transport_connect:
        return "transport_connect";
    case errc::transport_tls:
        return "transport_tls";
    case errc::transport_not_tls:
        return "transport_not_tls";
    case errc::transport_closed:
        return "transport_closed";
    case errc::transport_timeout:
        return "transport_timeout";
    case errc::cancelled:
        return "cancelled";
    case errc::storage:
        return "storage";
    case errc::internal:
        break;
    }
    return "internal";
}

json::object describe(const inspected_layer& layer) {
    return {
        {"digest", or_null(layer.content.digest.str())},
        {"diff_id", or_null(layer.diff_id.str())},
        {"media_type", or_null(layer.content.media_type)},
        {"encoding", layer.encoding},
        {"size", layer.size},
    };
}

json::object describe(const inspected_image& image) {
    json::array names, layers, platforms, referrers;
    for (const std::string& name : image.names)
        names.emplace_back(name);
    for (const inspected_layer& layer : image.layers)
        layers.push_back(describe(layer));
    for (const inspected_image& platform : image.platforms)
        platforms.push_back(describe(platform));
    for (const digest& referrer : image.referrers)
        referrers.emplace_back(referrer.str());
    return {
        {"names", std::move(names)},
        {"platform", or_null(image.platform)},
        {"media_type", or_null(image.media_type)},
        {"digest", or_null(image.digest.str())},
        {"config", or_null(image.config.str())},
        {"layers", std::move(layers)},
        {"platforms", std::move(platforms)},
        {"referrers", std::move(referrers)},
        {"present", image.present},
        {"trouble", or_null(image.trouble)},
    };
}

} // namespace

std::string start_json() {
    json::object event = begin("start");
    event["version"] = TARPON_VERSION;
    return json::serialize(event);
}

std::string to_json(const blob_event& blob) {
    json::object event = begin("blob");
    event["digest"] = blob.digest.str();
    event["diff_id"] = or_null(blob.diff_id.str());
    event["size"] = blob.size;
    event["status"] = name_of(blob.status);
    event["bytes_sent"] = blob.bytes_sent;
    event["repository"] = blob.repository;
    return json::serialize(event);
}

std::string to_json(const image_event& image) {
    json::object event = begin("image");
    event["reference"] = image.reference;
    event["digest"] = image.digest.str();
    event["media_type"] = image.media_type;
    event["status"] = image.status == image_status::pushed ? "pushed" : "unchanged";
    if (!image.archive.empty())
        event["archive"] = valid_utf8(image.archive);
    return json::serialize(event);
}

std::string to_json(const plan_event& plan) {
    json::object event = begin("plan");
    event["reference"] = plan.reference;
    event["blobs"] = plan.blobs;
    event["blobs_to_send"] = plan.blobs_to_send;
    event["bytes_to_read"] = plan.bytes_to_read;
    return json::serialize(event);
}

std::string to_json(const failure_event& failure) {
    json::object event = begin("error");
    event["class"] = json::string_view(to_string(class_of(failure.what.code())));
    event["code"] = name_of(failure.what.code());
    event["message"] = valid_utf8(failure.what.message());
    event["reference"] = or_null(failure.reference);
    event["archive"] = or_null(failure.archive);
    event["cause"] = or_null(failure.what.cause());
    event["hint"] = or_null(failure.what.hint());
    event["http_status"] =
        failure.what.http_status() == 0 ? json::value() : json::value(failure.what.http_status());
    return json::serialize(event);
}

std::string to_json(const retry_event& retry) {
    json::object event = begin("retry");
    event["what"] = valid_utf8(retry.what);
    event["attempt"] = retry.attempt;
    event["delay_ms"] = retry.delay.count();
    event["reason"] = valid_utf8(retry.reason);
    return json::serialize(event);
}

std::string to_json(const push_summary& summary) {
    json::object event = begin("summary");
    event["images"] = summary.images;
    event["failed"] = summary.failed;
    event["blobs_uploaded"] = summary.blobs_uploaded;
    event["blobs_skipped"] = summary.blobs_skipped;
    event["bytes_read"] = summary.bytes_read;
    event["bytes_sent"] = summary.bytes_sent;
    event["requests"] = summary.requests;
    event["connections"] = summary.connections;
    event["seconds"] = summary.seconds;
    event["peak_memory_bytes"] = summary.peak_memory_bytes;
    return json::serialize(event);
}

std::string to_json(const migrate_plan& plan) {
    json::object event = begin("plan");
    event["archives"] = plan.archives;
    event["images"] = plan.images;
    event["images_done"] = plan.images_done;
    event["blobs"] = plan.blobs;
    event["blob_bytes"] = plan.blob_bytes;
    event["shared_bytes"] = plan.shared_bytes;
    event["bytes_present"] = plan.bytes_present;
    event["bytes_to_send"] = plan.bytes_to_send;
    return json::serialize(event);
}

std::string skipped_json(const migrated_image& image) {
    json::object event = begin("skipped");
    event["reference"] = image.reference;
    event["digest"] = image.digest.str();
    event["archive"] = valid_utf8(image.archive);
    return json::serialize(event);
}

std::string to_json(const progress_snapshot& now) {
    json::object event = begin("progress");
    event["bytes_done"] = now.bytes_done;
    event["bytes_sent"] = now.bytes_sent;
    event["bytes_skipped"] = now.bytes_skipped;
    json::array active;
    for (const active_blob& blob : now.active)
        active.push_back(json::object{
            {"label", valid_utf8(blob.label)},
            {"state", json::string_view(blob.state.data(), blob.state.size())},
            {"done", blob.done},
            {"total", blob.total}});
    event["active"] = std::move(active);
    return json::serialize(event);
}

std::string to_json(const inspection& found) {
    json::object event = begin("inspect");
    event["archive"] = valid_utf8(found.archive);
    event["dialect"] = found.dialect;
    event["compression"] = found.compression;
    event["size"] = found.size;
    event["entries"] = found.entries;
    json::array images, warnings;
    for (const inspected_image& image : found.images)
        images.push_back(describe(image));
    for (const std::string& warning : found.warnings)
        warnings.emplace_back(warning);
    event["images"] = std::move(images);
    event["warnings"] = std::move(warnings);
    return json::serialize(event);
}

} // namespace tarpon::engine
