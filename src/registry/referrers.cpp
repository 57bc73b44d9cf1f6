// See referrers.hpp.
#include "registry/referrers.hpp"

#include "archive/oci_document.hpp"
#include "model/media_type.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::registry {

namespace asio = boost::asio;
namespace json = boost::json;
using transport::http_request;
using transport::http_response;

namespace {

constexpr std::size_t algorithm_bytes_max = 32;
constexpr std::size_t encoded_bytes_max = 64;
constexpr std::size_t etag_bytes_max = 256;
constexpr int precondition_failed = 412;

/// What a list says about one of its entries.
json::object entry_of(const descriptor& self, const archive::manifest_document& document) {
    json::object entry{
        {"mediaType", self.media_type},
        {"digest", self.digest.str()},
        {"size", static_cast<std::int64_t>(self.size)}};
    const bool typed = document.is_index || !document.artifact_type.empty();
    const std::string& type = typed ? document.artifact_type : document.config.media_type;
    if (!type.empty())
        entry["artifactType"] = type;
    if (const json::value* notes = document.json.if_contains("annotations"))
        entry["annotations"] = *notes;
    return entry;
}

json::object empty_index() {
    const std::string_view type = media_type::oci_index;
    return {
        {"schemaVersion", 2},
        {"mediaType", json::string_view(type.data(), type.size())},
        {"manifests", json::array()}};
}

/// The list as it is now.
struct list_state {
    std::string bytes; ///< empty: there is none
    std::string etag;
};

/// Only what can go into a header again.
std::string etag_of(const http_response& response) {
    const std::string_view etag = response.header("ETag");
    const bool strong =
        etag.starts_with('"') && etag.size() <= etag_bytes_max && is_visible_ascii(etag);
    return strong ? std::string(etag) : std::string();
}

error unreadable(const registry_session& registry, const std::string& where, std::string why) {
    return error(
        errc::registry_protocol,
        concat(registry.host(), " has no readable list of referrers in ", where), std::move(why));
}

/// Anything but the list or a clear "not there" is an error: it would be overwritten.
asio::awaitable<list_state>
read_list(registry_session& registry, std::string repository, std::string tag) {
    http_request request;
    request.method = "GET";
    request.to = registry.api(repository, concat("manifests/", tag));
    request.headers.emplace_back("Accept", std::string(media_type::oci_index));
    request.response_bytes_max = static_cast<std::size_t>(limits::manifest_bytes_max);
    const asked why{concat("to show the referrers ", tag), registry.host(), repository};
    http_response response = co_await registry.send(std::move(request), why);
    if (response.status == 404)
        co_return list_state();
    if (response.status != 200)
        throw refusal(response, why);
    if (response.body_cut || response.ended_by_close || response.body.empty())
        throw unreadable(
            registry, concat(repository, ":", tag),
            response.body_cut ? "over manifest_bytes_max" : "its end is not known");
    std::string etag = etag_of(response);
    co_return list_state{std::move(response.body), std::move(etag)};
}

/// False when somebody else was faster.
asio::awaitable<bool> write_list(
    registry_session& registry,
    std::string repository,
    std::string tag,
    std::string bytes,
    std::string etag) {
    http_request request;
    request.method = "PUT";
    request.to = registry.api(repository, concat("manifests/", tag));
    request.headers.emplace_back("Content-Type", std::string(media_type::oci_index));
    if (!etag.empty())
        request.headers.emplace_back("If-Match", std::move(etag));
    request.body = std::move(bytes);
    request.commits = true;
    const asked why{concat("the list of referrers ", tag), registry.host(), repository};
    const http_response response = co_await registry.send(std::move(request), why);
    if (response.status == precondition_failed)
        co_return false;
    if (!response.ok())
        throw refusal(response, why);
    co_return true;
}

} // namespace

std::string referrers_tag(const digest& subject) {
    const std::string& text = subject.str();
    const std::size_t colon = text.find(':');
    return concat(
        text.substr(0, std::min(colon, algorithm_bytes_max)), "-",
        text.substr(colon + 1, encoded_bytes_max));
}

std::optional<descriptor> subject_of(const descriptor& self, std::string_view bytes) {
    const auto document = archive::parse_manifest(bytes, self.media_type);
    return document ? document->subject : std::nullopt;
}

result<std::string>
with_referrer(std::string_view index, const descriptor& self, std::string_view bytes) {
    const auto document = archive::parse_manifest(bytes, self.media_type);
    if (!document)
        return document.error();
    json::object list = empty_index();
    if (!index.empty()) {
        auto found = archive::parse_manifest(index, media_type::oci_index);
        if (!found || !found->is_index)
            return failure{
                errc::registry_protocol,
                found ? std::string("it is no image index") : found.error().message};
        for (const auto& one : found->manifests)
            if (one.digest == self.digest)
                return std::string(index);
        list = std::move(found->json);
    }
    list["manifests"].as_array().push_back(entry_of(self, *document));
    return json::serialize(list);
}

asio::awaitable<bool>
has_referrers_api(registry_session& registry, std::string repository, digest subject) {
    http_request request;
    request.method = "GET";
    request.to = registry.api(repository, concat("referrers/", subject.str()));
    request.headers.emplace_back("Accept", std::string(media_type::oci_index));
    const asked why{"to list referrers", registry.host(), repository};
    const http_response response = co_await registry.send(std::move(request), why);
    // Older registries take the path for something malformed.
    co_return response.status != 404 && response.status != 400 && response.status != 405;
}

asio::awaitable<void> list_referrer(
    registry_session& registry, std::string repository, descriptor self, std::string bytes) {
    const auto subject = subject_of(self, bytes);
    if (!subject)
        co_return;
    const std::string tag = referrers_tag(subject->digest);
    const async::slots::lease mine = co_await registry.referrers_turn().acquire();
    for (int writes = 0; writes <= limits::referrers_updates_max; ++writes) {
        list_state now = co_await read_list(registry, repository, tag);
        auto wanted = with_referrer(now.bytes, self, bytes);
        if (!wanted)
            throw unreadable(registry, concat(repository, ":", tag), wanted.error().message);
        if (*wanted == now.bytes)
            co_return;
        (void)co_await write_list(
            registry, repository, tag, std::move(*wanted), std::move(now.etag));
    }
    throw error(
        errc::registry_failed,
        concat(registry.host(), " does not keep the list of referrers ", tag, " in ", repository),
        "others write it at the same time");
}

} // namespace tarpon::registry
