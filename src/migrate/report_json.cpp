// The report for programs: everything there is. Fields may be added, never changed.
#include "migrate/report.hpp"
#include "model/text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace tarpon::migration {
namespace {

namespace json = boost::json;

json::value or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(valid_utf8(text));
}

json::object describe(const migrate_plan& plan) {
    return {
        {"archives", plan.archives},           {"images", plan.images},
        {"images_done", plan.images_done},     {"blobs", plan.blobs},
        {"blob_bytes", plan.blob_bytes},       {"shared_bytes", plan.shared_bytes},
        {"bytes_present", plan.bytes_present}, {"bytes_to_send", plan.bytes_to_send},
    };
}

json::object describe(const push_summary& summary) {
    return {
        {"images", summary.images},
        {"failed", summary.failed},
        {"blobs_uploaded", summary.blobs_uploaded},
        {"blobs_skipped", summary.blobs_skipped},
        {"bytes_read", summary.bytes_read},
        {"bytes_sent", summary.bytes_sent},
        {"requests", summary.requests},
        {"connections", summary.connections},
        {"seconds", summary.seconds},
        {"peak_memory_bytes", summary.peak_memory_bytes},
    };
}

json::object describe(const migrated_image& image) {
    const std::string_view status = to_string(image.result);
    return {
        {"reference", or_null(image.reference)},
        {"digest", or_null(image.digest.str())},
        {"archive", valid_utf8(image.archive)},
        {"archive_digest", or_null(image.archive_digest.str())},
        {"status", json::string_view(status.data(), status.size())},
        {"error", or_null(image.error)},
    };
}

json::object describe(const migrate_sample& sample) {
    return {
        {"seconds", sample.seconds},
        {"bytes_sent", sample.bytes_sent},
        {"images_done", sample.images_done},
    };
}

/// One element a line, so that the file can be read and compared.
template <class Elements>
void write_list(std::string_view name, const Elements& elements, const text_sink& out) {
    out(concat(",\n\"", name, "\":["));
    const char* before = "\n";
    for (const auto& element : elements) {
        out(before + json::serialize(describe(element)));
        before = ",\n";
    }
    out("]");
}

} // namespace

void write_json_report(const migrate_report& report, const text_sink& out) {
    json::object part{{"index", report.shard.index}, {"count", report.shard.count}};
    if (!report.fingerprint.empty())
        part.emplace("fingerprint", report.fingerprint);
    const json::object head{
        {"schema", 1},
        {"report", "migrate"},
        {"version", TARPON_VERSION},
        {"destination", valid_utf8(report.destination)},
        {"shard", std::move(part)},
        {"started", report.started},
        {"exit_code", report.exit_code()},
        {"interrupted", report.interrupted},
        {"plan", describe(report.plan)},
        {"summary", describe(report.summary)},
    };
    std::string text = json::serialize(head);
    text.pop_back();
    out(text);
    write_list("images", report.images, out);
    write_list("samples", report.samples, out);
    out("}\n");
}

} // namespace tarpon::migration
