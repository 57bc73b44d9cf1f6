// The part of registry_api.hpp below /v2/<name>/manifests/ and /v2/<name>/referrers/.
#include "async/slots.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "server/byte_range.hpp"
#include "server/registry_api.hpp"
#include "transport/url.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <chrono>
#include <vector>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

server_response manifest_unknown(const route& at) {
    return api_error(
        404, "MANIFEST_UNKNOWN", concat("the repository has no manifest ", at.reference));
}

using clock = std::chrono::steady_clock;
constexpr auto bytes_max = static_cast<std::size_t>(limits::manifest_bytes_max);

/// What is a little too large is read to its end: many clients look for an answer only then.
asio::awaitable<void> read_past(byte_source& body) {
    std::vector<std::byte> piece(64 * 1024);
    for (std::size_t total = 0; total < 4 * bytes_max;) {
        const std::size_t got = co_await body.read_some(std::span<std::byte>(piece));
        if (got == 0)
            co_return;
        total += got;
    }
}

/// nullopt when it is too large. Memory grows with what came, not with what was announced; a large
/// one waits for a `place` among those there may be.
asio::awaitable<std::optional<std::string>> read_manifest(
    server_request& request, async::slots& places, std::optional<async::slots::lease>& place) {
    if (request.content_length.value_or(0) > 4 * bytes_max)
        co_return std::nullopt;
    std::string bytes;
    clock::time_point since;
    for (std::size_t size = 0, room = 16 * 1024;; room *= 2) {
        // The server's own pushes are few, and wait for nobody else's.
        const bool counts =
            room > limits::small_manifest_bytes_max && request.user != own_uploads_user;
        if (counts && !place) {
            auto lease = co_await places.acquire();
            place.emplace(std::move(lease));
            since = clock::now();
        }
        bytes.resize(std::min(room, bytes_max + 1));
        while (size < bytes.size()) {
            const auto free = std::as_writable_bytes(std::span(bytes).subspan(size));
            const std::size_t got = co_await request.body.read_some(free);
            if (got == 0) {
                bytes.resize(size);
                co_return bytes;
            }
            size += got;
            if (place && clock::now() - since > limits::large_manifest_time_max)
                throw error(errc::transport_closed, "the manifest came too slowly");
        }
        if (size > bytes_max) {
            bytes = {};
            place.reset();
            co_await read_past(request.body);
            co_return std::nullopt;
        }
    }
}

} // namespace

asio::awaitable<server_response>
registry_api::on_manifest(server_request& request, const route& at) {
    if (request.method == "PUT")
        co_return co_await put_manifest(request, at);
    if (request.method == "GET" || request.method == "HEAD")
        co_return co_await get_manifest(request, at);
    if (request.method == "DELETE")
        co_return co_await delete_manifest(at);
    co_return method_not_allowed("GET, HEAD, PUT, DELETE");
}

/// A tag alone, or a manifest with its tags. What nobody needs any more goes with a collection.
asio::awaitable<server_response> registry_api::delete_manifest(const route& at) {
    auto work = [this, &at] {
        return at.digest.empty() ? manifests_.remove_tag(at.name, at.reference)
                                 : manifests_.remove(at.name, at.digest);
    };
    const bool removed = co_await async::run_on(workers_.get_executor(), work);
    if (!removed)
        co_return manifest_unknown(at);
    if (on_tag)
        on_tag();
    if (on_delete)
        on_delete();
    co_return empty_response(202);
}

asio::awaitable<server_response>
registry_api::get_manifest(server_request& request, const route& at) {
    struct found_manifest {
        std::optional<descriptor> self;
        std::optional<std::string> bytes;
        std::optional<file> content; ///< of a large one, instead of its bytes
        bool is_there() const { return bytes || content; }
    };
    // Pushes ask by HEAD, and do not send what is there: it must stay for a while.
    const bool for_push = request.method == "HEAD";
    auto work = [this, &at, for_push] {
        found_manifest found;
        found.self = at.digest.empty() ? manifests_.find_tag(at.name, at.reference)
                                       : manifests_.find(at.name, at.digest);
        if (found.self && for_push) {
            const auto inside = blobs_.gate().enter();
            found.self = manifests_.claim(at.name, found.self->digest);
        }
        if (found.self)
            found.bytes = manifests_.read(*found.self);
        if (found.bytes && found.bytes->size() > limits::small_manifest_bytes_max) {
            found.content = manifests_.open(*found.self);
            found.bytes.reset();
        }
        return found;
    };
    auto found = co_await async::run_on(workers_.get_executor(), work);
    if (!found.is_there())
        co_return manifest_unknown(at);
    const std::string entity_tag = entity_tag_of(found.self->digest);
    if (matches_any(request.header("If-None-Match"), entity_tag))
        co_return std::move(empty_response(304).with("ETag", entity_tag));
    server_response response;
    response.with("Content-Type", found.self->media_type);
    response.with(digest_header, found.self->digest.str());
    response.with("ETag", entity_tag);
    if (found.content) {
        response.content = std::move(found.content);
        response.content_bytes = found.self->size;
    } else {
        response.body = std::move(*found.bytes);
    }
    co_return response;
}

asio::awaitable<server_response>
registry_api::put_manifest(server_request& request, const route& at) {
    // Before the body: Beast adds what a trailer says to the headers.
    const std::string_view header = request.header("Content-Type");
    descriptor self;
    self.media_type = trim(header.substr(0, header.find(';')));
    std::optional<async::slots::lease> place;
    const auto body = co_await read_manifest(request, large_manifests_, place);
    if (!body)
        co_return api_error(413, "SIZE_INVALID", "the manifest is too large");
    const std::string& bytes = *body;
    self.size = bytes.size();
    self.digest =
        digest_of(bytes, at.digest.empty() ? digest::algorithm::sha256 : at.digest.algo());
    if (!at.digest.empty() && self.digest != at.digest)
        co_return api_error(400, "DIGEST_INVALID", "the manifest has another digest");
    if (!media_type::is_index(self.media_type) && !media_type::is_manifest(self.media_type))
        co_return api_error(
            400, "MANIFEST_INVALID",
            concat("\"", foreign_text(self.media_type, 80), "\" is no manifest type"));
    const std::string tag = at.digest.empty() ? at.reference : std::string();
    auto work = [this, &at, &tag, &self, &bytes] {
        return manifests_.put(at.name, tag, self, bytes);
    };
    const auto stored = co_await async::run_on(workers_.get_executor(), work);
    if (const auto& rejected = stored.rejected)
        co_return api_error(
            rejected->code == "MANIFEST_BLOB_UNKNOWN" ? 404 : 400, rejected->code,
            rejected->message);
    if (!tag.empty() && on_tag)
        on_tag();
    server_response response;
    response.status = 201;
    response.with("Location", concat("/v2/", at.name, "/manifests/", self.digest.str()));
    response.with(digest_header, self.digest.str());
    if (stored.subject)
        response.with("OCI-Subject", stored.subject->str());
    co_return response;
}

/// An index, empty where nothing refers to the digest: it is not said whether that is there.
asio::awaitable<server_response>
registry_api::on_referrers(server_request& request, const route& at) {
    if (request.method != "GET" && request.method != "HEAD")
        co_return method_not_allowed("GET, HEAD");
    const std::string* type = at.query_value("artifactType");
    const std::string* last = at.query_value("last");
    const std::string wanted = type ? *type : std::string(), after = last ? *last : std::string();
    auto work = [this, &at, &wanted, &after] {
        return manifests_.referrers(at.name, at.digest, wanted, after);
    };
    const auto page = co_await async::run_on(workers_.get_executor(), work);
    server_response response;
    response.with("Content-Type", std::string(media_type::oci_index));
    if (!wanted.empty())
        response.with("OCI-Filters-Applied", "artifactType");
    if (!page.next.empty())
        response.with(
            "Link", concat(
                        "</v2/", at.name, "/referrers/", at.digest.str(), "?last=", page.next,
                        wanted.empty() ? "" : "&artifactType=", transport::percent_encode(wanted),
                        ">; rel=\"next\""));
    response.body =
        concat(R"({"schemaVersion":2,"mediaType":")", media_type::oci_index, R"(","manifests":[)");
    for (std::size_t i = 0; i < page.descriptors.size(); ++i)
        response.body += concat(i == 0 ? "" : ",", page.descriptors[i]);
    response.body += "]}";
    co_return response;
}

} // namespace tarpon::server
