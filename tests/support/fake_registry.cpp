// See fake_registry.hpp.
#include "support/fake_registry.hpp"

#include "archive/oci_document.hpp"
#include "model/base64.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"

#include <tarpon/reference.hpp>

#include <limits>

namespace tarpon::test {

namespace asio = boost::asio;

namespace {

/// "team/app/blobs/sha256:…" -> "team/app", "blobs", "sha256:…".
struct path_parts {
    std::string repository;
    std::string kind;
    std::string rest;
};

std::optional<path_parts> split(std::string_view path) {
    for (const char* kind : {"/blobs/uploads/", "/blobs/", "/manifests/", "/referrers/"}) {
        const std::size_t at = path.find(kind);
        if (at == path.npos)
            continue;
        const std::string_view word(kind);
        return path_parts{
            std::string(path.substr(0, at)), std::string(word.substr(1, word.size() - 2)),
            std::string(path.substr(at + word.size()))};
    }
    return std::nullopt;
}

step step_of(const seen_request& http, const path_parts& parts) {
    const std::string& method = http.method;
    if (parts.kind == "referrers")
        return method == "GET" ? step::get_referrers : step::other;
    if (parts.kind == "manifests")
        return method == "HEAD"  ? step::head_manifest
               : method == "GET" ? step::get_manifest
               : method == "PUT" ? step::put_manifest
                                 : step::other;
    if (parts.kind == "blobs")
        return method == "HEAD" ? step::head_blob : method == "GET" ? step::get_blob : step::other;
    if (method == "POST")
        return http.parameter("mount")    ? step::mount
               : http.parameter("digest") ? step::whole_post
                                          : step::open_upload;
    return method == "PATCH"    ? step::patch
           : method == "PUT"    ? step::put
           : method == "GET"    ? step::upload_status
           : method == "DELETE" ? step::drop_upload
                                : step::other;
}

/// Servers that keep a connection read a body they do not want.
answer after_body(answer reply) {
    if (reply.body_bytes_first == 0 && !reply.raw)
        reply.after_body_bytes(std::numeric_limits<std::size_t>::max());
    return reply;
}

bool changes(step what) {
    return what == step::open_upload || what == step::mount || what == step::whole_post
           || what == step::patch || what == step::put || what == step::put_manifest;
}

} // namespace

const char* to_string(step value) {
    static constexpr std::array names{
        "ping",          "head_blob",    "get_blob",     "open_upload",   "mount",
        "whole_post",    "patch",        "put",          "upload_status", "drop_upload",
        "head_manifest", "get_manifest", "put_manifest", "get_referrers", "other"};
    return names.at(static_cast<std::size_t>(value));
}

fake_registry::fake_registry(
    asio::io_context& io, registry_options with, std::optional<tls_identity> tls)
    : options(std::move(with))
    , io_(io)
    , front_(std::make_unique<scripted_server>(io, script(), std::move(tls))) {}

scripted_server::script fake_registry::script() {
    scripted_server::script all;
    all.on_head = [this](const seen_request& http) {
        return on_head(http);
    };
    all.on_request = [this](const seen_request& http) {
        return on_request(http);
    };
    all.on_broken = [this](const seen_request& http) {
        on_broken(http);
    };
    return all;
}

void fake_registry::on_broken(const seen_request& http) {
    const registry_request request = parse(http);
    if (!options.keeps_broken_uploads || request.what != step::patch)
        return;
    const auto found = uploads_.find(request.reference.substr(0, request.reference.find('-')));
    if (found != uploads_.end() && found->second.repository == request.repository)
        found->second.bytes += http.body;
}

scripted_server& fake_registry::other_server() {
    if (!other_)
        other_ = std::make_unique<scripted_server>(io_, script());
    return *other_;
}

registry_request fake_registry::parse(const seen_request& http) const {
    registry_request request{step::other, {}, {}, http};
    std::string_view path = http.path();
    if (path == "/v2/")
        request.what = step::ping;
    if (!path.starts_with("/v2/"))
        return request;
    if (const auto parts = split(path.substr(4))) {
        request.what = step_of(http, *parts);
        request.repository = parts->repository;
        request.reference = parts->rest;
    }
    return request;
}

std::optional<answer> fake_registry::unauthorized(const registry_request& request) const {
    // Places elsewhere are signed ones and know no login.
    const bool elsewhere = request.http.header("Host") != host();
    if (options.username.empty() || elsewhere || (request.what == step::ping && options.open_ping))
        return std::nullopt;
    const std::string wanted =
        concat("Basic ", base64_encode(concat(options.username, ":", options.password)));
    if (request.http.header("Authorization") == wanted)
        return std::nullopt;
    answer reply = refusal(401, "UNAUTHORIZED");
    for (const std::string& challenge : options.challenges)
        reply.header("WWW-Authenticate", challenge);
    return reply;
}

int fake_registry::refused_shape(
    const registry_request& request, bool has_body, bool chunked) const {
    if (has_body && chunked && options.chunked_framing_status != 0)
        return options.chunked_framing_status;
    if (request.what == step::put)
        return has_body ? options.put_body_status : 0;
    return request.http.header("Content-Range").empty() ? options.whole_patch_status
                                                        : options.content_range_status;
}

std::optional<answer> fake_registry::on_head(const seen_request& http) {
    const registry_request request = parse(http);
    const std::string separator = request.reference.starts_with("sha") ? "@" : ":";
    asked_.push_back(
        {request.what, request.repository.empty()
                           ? std::string()
                           : concat(request.repository, separator, request.reference)});
    if (intercept)
        if (auto reply = intercept(request))
            return after_body(std::move(*reply));
    if (auto reply = unauthorized(request))
        return after_body(std::move(*reply));
    if (changes(request.what) && options.denied_repositories.contains(request.repository))
        return after_body(refusal(403, "DENIED"));
    const auto length = parse_decimal(http.header("Content-Length")).value_or(0);
    const bool body = request.what == step::patch || request.what == step::put;
    const bool chunked = iequals(http.header("Transfer-Encoding"), "chunked");
    if (body && refused_shape(request, length > 0 || chunked, chunked) != 0)
        return refusal(refused_shape(request, length > 0 || chunked, chunked), "UNSUPPORTED")
            .header("Connection", "close");
    if (options.blob_bytes_max == 0 || !body)
        return std::nullopt;
    if (length > options.blob_bytes_max)
        return refusal(413, "SIZE_INVALID").header("Connection", "close");
    if (!chunked)
        return std::nullopt;
    answer reply = refusal(413, "SIZE_INVALID");
    reply.after_body_bytes(static_cast<std::size_t>(options.blob_bytes_max) + 1);
    reply.only_to_more = true;
    return reply;
}

answer fake_registry::on_request(const seen_request& http) {
    const registry_request request = parse(http);
    answer reply = handle(request);
    if (adjust)
        adjust(request, reply);
    return reply;
}

answer fake_registry::handle(const registry_request& request) {
    switch (request.what) {
    case step::ping:
        return answer::json(options.ping_status, "{}");
    case step::head_blob:
    case step::get_blob:
        return give_blob(request);
    case step::open_upload:
        return open_upload(request);
    case step::mount:
        return mount(request);
    case step::whole_post:
        return whole_post(request);
    case step::patch:
    case step::put:
    case step::upload_status:
    case step::drop_upload:
        return with_upload(request);
    case step::head_manifest:
    case step::get_manifest:
        return give_manifest(request);
    case step::put_manifest:
        return put_manifest(request);
    case step::get_referrers:
        return give_referrers(request);
    case step::other:
        break;
    }
    return refusal(404, "UNSUPPORTED");
}

answer fake_registry::refusal(int status, const std::string& code) const {
    if (options.html_errors)
        return answer::with(
            status, concat("<html><body><h1>", status, "</h1>nginx</body></html>"), "text/html");
    return answer::json(
        status, concat(R"({"errors":[{"code":")", code, R"(","message":"the test says no"}]})"));
}

answer fake_registry::give_blob(const registry_request& request) {
    if (!options.blobs_elsewhere.empty() && request.http.header("Host") == host())
        return answer::with(307).header(
            "Location", concat(options.blobs_elsewhere, request.http.target));
    if (request.what == step::head_blob && options.head_blob_status != 0)
        return refusal(options.head_blob_status, "UNSUPPORTED");
    const auto content = digest::parse(request.reference);
    const std::string* bytes = content ? blob(request.repository, *content) : nullptr;
    if (!bytes)
        return refusal(404, "BLOB_UNKNOWN");
    answer reply = answer::with(200, *bytes, "application/octet-stream");
    if (options.digest_header)
        reply.header("Docker-Content-Digest", content->str());
    return reply;
}

std::string fake_registry::location_of(const std::string& id) {
    const upload& session = uploads_.at(id);
    std::string path = concat("/v2/", session.repository, "/blobs/uploads/", id);
    if (session.moves > 0)
        path += concat("-", session.moves);
    if (options.query_in_location)
        path += concat("?_state=st%2Fte%3D", session.moves);
    switch (options.locations) {
    case registry_options::location::relative:
        return path;
    case registry_options::location::absolute:
        return concat(front_->origin().str(), path);
    case registry_options::location::http_scheme:
        return concat("http://", host(), path);
    case registry_options::location::other_host:
        return concat(other_server().origin().str(), path);
    }
    return path;
}

answer fake_registry::session_answer(int status, const std::string& id) {
    const upload& session = uploads_.at(id);
    answer reply = answer::with(status);
    reply.header("Location", location_of(id)).header("Docker-Upload-UUID", id);
    if (options.range_header)
        reply.header("Range", concat("0-", session.bytes.empty() ? 0 : session.bytes.size() - 1));
    return reply;
}

answer fake_registry::stored(int status, const registry_request& request, const digest& content) {
    answer reply = answer::with(status);
    const bool manifest = request.what == step::put_manifest;
    reply.header(
        "Location",
        concat("/v2/", request.repository, manifest ? "/manifests/" : "/blobs/", content.str()));
    const auto& lie = manifest ? options.stated_manifest_digest : options.stated_blob_digest;
    if (options.digest_header)
        reply.header("Docker-Content-Digest", lie.value_or(content.str()));
    return reply;
}

answer fake_registry::open_upload(const registry_request& request) {
    const std::string id = concat("session", ++next_upload_);
    uploads_[id].repository = request.repository;
    answer reply = session_answer(options.open_status, id);
    if (!options.chunk_min.empty())
        reply.header("OCI-Chunk-Min-Length", options.chunk_min);
    if (!options.chunk_max.empty())
        reply.header("OCI-Chunk-Max-Length", options.chunk_max);
    if (options.location_literal)
        for (auto& [name, value] : reply.headers)
            if (name == "Location")
                value = *options.location_literal;
    if (options.location_literal && options.location_literal->empty())
        std::erase_if(reply.headers, [](const auto& one) { return one.first == "Location"; });
    return reply;
}

answer fake_registry::mount(const registry_request& request) {
    if (options.mount_status != 201 && options.mount_status != 202)
        return refusal(options.mount_status, "DENIED");
    const auto content = digest::parse(request.http.parameter("mount").value_or(""));
    const std::string from = request.http.parameter("from").value_or("");
    if (options.mount_status == 202 || !content || !has_blob(from, *content))
        return open_upload(request);
    repositories_[request.repository].blobs.insert(*content);
    return stored(201, request, *content);
}

answer fake_registry::whole_post(const registry_request& request) {
    const auto content = digest::parse(request.http.parameter("digest").value_or(""));
    if (!options.whole_post)
        return open_upload(request);
    if (!content || digest_of(request.http.body, content->algo()) != *content)
        return refusal(400, "DIGEST_INVALID");
    blobs_[*content] = request.http.body;
    repositories_[request.repository].blobs.insert(*content);
    return stored(201, request, *content);
}

answer fake_registry::with_upload(const registry_request& request) {
    const std::size_t dash = request.reference.find('-');
    const auto found = uploads_.find(request.reference.substr(0, dash));
    if (found == uploads_.end() || found->second.repository != request.repository)
        return refusal(404, "BLOB_UPLOAD_UNKNOWN");
    upload& session = found->second;
    const std::string moves = dash == std::string::npos ? "0" : request.reference.substr(dash + 1);
    const bool moved = moves != std::to_string(session.moves);
    const bool stateless = options.query_in_location
                           && request.http.parameter("_state") != concat("st/te=", session.moves);
    if (moved || stateless)
        return refusal(404, "BLOB_UPLOAD_UNKNOWN");
    if (request.what == step::patch)
        return patch(request, session);
    if (request.what == step::put)
        return put(request, session);
    const std::string id = found->first;
    if (request.what == step::upload_status)
        return session_answer(204, id);
    uploads_.erase(found);
    return answer::with(204);
}

answer fake_registry::patch(const registry_request& request, upload& session) {
    const std::string_view range = request.http.header("Content-Range");
    const auto start = parse_decimal(range.substr(0, range.find('-')));
    if (!range.empty() && (!start || *start != session.bytes.size()))
        return refusal(416, "RANGE_INVALID");
    session.bytes += request.http.body;
    session.moves += options.moving_location ? 1 : 0;
    const std::string id = request.reference.substr(0, request.reference.find('-'));
    answer reply = session_answer(options.patch_status, id);
    if (!options.location_after_patch)
        std::erase_if(reply.headers, [](const auto& one) { return one.first == "Location"; });
    return reply;
}

answer fake_registry::put(const registry_request& request, upload& session) {
    const auto content = digest::parse(request.http.parameter("digest").value_or(""));
    session.bytes += request.http.body;
    if (!content || digest_of(session.bytes, content->algo()) != *content)
        return refusal(400, "DIGEST_INVALID");
    blobs_[*content] = std::move(session.bytes);
    repositories_[request.repository].blobs.insert(*content);
    uploads_.erase(request.reference.substr(0, request.reference.find('-')));
    return stored(options.put_status, request, *content);
}

answer fake_registry::give_manifest(const registry_request& request) {
    if (request.what == step::head_manifest && options.head_manifest_status != 0)
        return refusal(options.head_manifest_status, "UNSUPPORTED");
    auto content = tag(request.repository, request.reference);
    if (!content)
        if (const auto named = digest::parse(request.reference))
            content = *named;
    const stored_manifest* found = content ? manifest(request.repository, *content) : nullptr;
    if (!found)
        return refusal(404, "MANIFEST_UNKNOWN");
    answer reply = answer::with(200, found->bytes, found->media_type);
    if (options.digest_header)
        reply.header("Docker-Content-Digest", content->str());
    return reply;
}

/// Is everything there that this manifest of the repository names?
bool fake_registry::is_complete(const repository_state& in, const digest& content) const {
    const auto found = in.manifests.find(content);
    if (found == in.manifests.end())
        return false;
    const auto parsed = archive::parse_manifest(found->second.bytes, found->second.media_type);
    if (!parsed)
        return false;
    for (const auto& child : parsed->manifests)
        if (!is_complete(in, child.digest))
            return false;
    if (parsed->is_index)
        return true;
    for (const auto& layer : parsed->layers)
        if (!media_type::is_foreign(layer.media_type) && !in.blobs.contains(layer.digest))
            return false;
    return in.blobs.contains(parsed->config.digest);
}

std::optional<answer> fake_registry::refuse_manifest(const registry_request& request) const {
    const std::string type(request.http.header("Content-Type"));
    const bool oci = type == media_type::oci_manifest || type == media_type::oci_index;
    if (oci && options.oci_manifest_status != 0)
        return refusal(options.oci_manifest_status, options.oci_manifest_code);
    const auto parsed = archive::parse_manifest(request.http.body, type);
    if (!parsed)
        return refusal(400, "MANIFEST_INVALID");
    const auto named = digest::parse(request.reference);
    if (named && *named != digest_of(request.http.body))
        return refusal(400, "DIGEST_INVALID");
    if (!named && !is_tag(request.reference))
        return refusal(400, "TAG_INVALID");
    const auto there = tag(request.repository, request.reference);
    if (options.immutable_tags && there)
        return refusal(409, "TAG_IMMUTABLE");
    return std::nullopt;
}

answer fake_registry::put_manifest(const registry_request& request) {
    if (auto reply = refuse_manifest(request))
        return *reply;
    const digest content = digest_of(request.http.body);
    repository_state& in = repositories_[request.repository];
    const bool known = in.manifests.contains(content);
    in.manifests[content] = {std::string(request.http.header("Content-Type")), request.http.body};
    if (options.checks_references && !is_complete(in, content)) {
        if (!known)
            in.manifests.erase(content);
        return refusal(404, "MANIFEST_BLOB_UNKNOWN");
    }
    if (!digest::parse(request.reference))
        in.tags[request.reference] = content;
    answer reply = stored(options.manifest_status, request, content);
    const auto parsed =
        archive::parse_manifest(request.http.body, in.manifests[content].media_type);
    if (options.keeps_referrers && parsed && parsed->subject)
        reply.header("OCI-Subject", parsed->subject->digest.str());
    return reply;
}

/// That there is a list; no test looks at its entries.
answer fake_registry::give_referrers(const registry_request& request) const {
    if (!options.keeps_referrers || !digest::parse(request.reference))
        return refusal(404, "UNSUPPORTED");
    return answer::with(
        200, R"({"schemaVersion":2,"manifests":[]})", std::string(media_type::oci_index));
}

bool fake_registry::has_blob(const std::string& repository, const digest& content) const {
    return blob(repository, content) != nullptr;
}

const std::string* fake_registry::blob(const std::string& repository, const digest& content) const {
    const auto in = repositories_.find(repository);
    if (in == repositories_.end() || !in->second.blobs.contains(content))
        return nullptr;
    return &blobs_.at(content);
}

std::optional<digest>
fake_registry::tag(const std::string& repository, const std::string& name) const {
    const auto in = repositories_.find(repository);
    if (in == repositories_.end())
        return std::nullopt;
    const auto found = in->second.tags.find(name);
    return found == in->second.tags.end() ? std::nullopt : std::optional(found->second);
}

const fake_registry::stored_manifest*
fake_registry::manifest(const std::string& repository, const digest& content) const {
    const auto in = repositories_.find(repository);
    if (in == repositories_.end())
        return nullptr;
    const auto found = in->second.manifests.find(content);
    return found == in->second.manifests.end() ? nullptr : &found->second;
}

const fake_registry::stored_manifest*
fake_registry::tagged(const std::string& repository, const std::string& name) const {
    const auto content = tag(repository, name);
    return content ? manifest(repository, *content) : nullptr;
}

std::size_t fake_registry::tags() const {
    std::size_t count = 0;
    for (const auto& [name, in] : repositories_)
        count += in.tags.size();
    return count;
}

std::size_t fake_registry::blobs() const {
    std::size_t count = 0;
    for (const auto& [name, in] : repositories_)
        count += in.blobs.size();
    return count;
}

digest fake_registry::add_blob(const std::string& repository, const std::string& bytes) {
    const digest content = digest_of(bytes);
    blobs_[content] = bytes;
    repositories_[repository].blobs.insert(content);
    return content;
}

digest fake_registry::add_manifest(
    const std::string& repository,
    const std::string& tag,
    const std::string& media_type,
    const std::string& bytes) {
    const digest content = digest_of(bytes);
    repositories_[repository].manifests[content] = {media_type, bytes};
    if (!tag.empty())
        repositories_[repository].tags[tag] = content;
    return content;
}

std::vector<std::string> fake_registry::broken_tags() const {
    std::vector<std::string> broken;
    for (const auto& [name, in] : repositories_)
        for (const auto& [tag, content] : in.tags)
            if (!is_complete(in, content))
                broken.push_back(concat(name, ":", tag));
    return broken;
}

std::size_t fake_registry::count(step what) const {
    std::size_t count = 0;
    for (const asked_step& one : asked_)
        count += one.what == what ? 1 : 0;
    return count;
}

std::string fake_registry::steps() const {
    std::string text;
    for (const asked_step& one : asked_)
        text += concat(text.empty() ? "" : " ", to_string(one.what));
    return text;
}

std::vector<std::string> fake_registry::history() const {
    std::vector<std::string> lines;
    for (const asked_step& one : asked_)
        lines.push_back(concat(to_string(one.what), one.about.empty() ? "" : " ", one.about));
    return lines;
}

} // namespace tarpon::test
