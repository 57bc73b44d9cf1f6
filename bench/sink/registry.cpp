// See registry.hpp. One blob may come in any of the ways clients know: POST and PATCHes and PUT,
// POST and PUT with the bytes, or one POST with bytes and digest.
#include "sink/registry.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace tarpon::sink {
namespace {

// Configs are read back by clients; nothing larger is.
constexpr std::size_t small_blob_bytes_max = 64 * 1024;

std::string text(std::string_view view) {
    return std::string(view);
}

std::string in(std::string_view repository, std::string_view reference) {
    return text(repository) + "@" + text(reference);
}

std::string session_path(std::string_view repository, const std::string& id) {
    return "/v2/" + text(repository) + "/blobs/uploads/" + id;
}

response
with_session(int status, std::string_view repository, const std::string& id, std::uint64_t bytes) {
    response answer{status, {}, {}};
    answer.headers.emplace_back("Location", session_path(repository, id));
    answer.headers.emplace_back("Docker-Upload-UUID", id);
    answer.headers.emplace_back("Range", "0-" + std::to_string(bytes > 0 ? bytes - 1 : 0));
    return answer;
}

response stored(const std::string& location, std::string_view digest) {
    return {201, {{"Location", location}, {"Docker-Content-Digest", text(digest)}}, {}};
}

response not_found() {
    return {404, {}, R"({"errors":[{"code":"UNKNOWN"}]})"};
}

digest::algorithm algorithm_of(std::string_view digest) {
    return digest.starts_with("sha512:") ? digest::algorithm::sha512 : digest::algorithm::sha256;
}

} // namespace

void sink_registry::connected() {
    const std::lock_guard held(lock_);
    ++counted_.connections;
}

sink_registry::place sink_registry::place_of(std::string_view path) {
    if (!path.starts_with("/v2/"))
        return {};
    path.remove_prefix(4);
    for (const std::string_view kind : {"/blobs/uploads", "/blobs/", "/manifests/"}) {
        const std::size_t at = path.rfind(kind);
        if (at == path.npos)
            continue;
        std::string_view rest = path.substr(at + kind.size());
        if (rest.starts_with('/'))
            rest.remove_prefix(1);
        const std::string_view name = kind == "/blobs/uploads" ? "uploads"
                                      : kind == "/blobs/"      ? "blobs"
                                                               : "manifests";
        return {path.substr(0, at), name, rest};
    }
    return {};
}

response sink_registry::handle(const request& head, http_stream& stream) {
    if (head.path.starts_with("/_sink/")) {
        stream.read_body(head, {});
        if (head.method == "POST" && head.path == "/_sink/reset") {
            const std::lock_guard held(lock_);
            counted_ = {};
            sessions_.clear();
            blobs_.clear();
            manifests_.clear();
            return {204, {}, {}};
        }
        return private_path(head);
    }
    {
        const std::lock_guard held(lock_);
        ++counted_.requests;
        ++counted_.methods[head.method];
    }
    return answer_to(head, stream);
}

response sink_registry::private_path(const request& head) const {
    if (head.path != "/_sink/counters")
        return not_found();
    const std::lock_guard held(lock_);
    boost::json::object methods;
    for (const auto& [name, count] : counted_.methods)
        methods[name] = count;
    const boost::json::object all{
        {"connections", counted_.connections}, {"requests", counted_.requests},
        {"blob_bytes", counted_.blob_bytes},   {"blobs", counted_.blobs},
        {"manifests", counted_.manifests},     {"refusals", counted_.refusals},
        {"methods", std::move(methods)}};
    return {200, {{"Content-Type", "application/json"}}, boost::json::serialize(all)};
}

response sink_registry::answer_to(const request& head, http_stream& stream) {
    const place at = place_of(head.path);
    if (at.kind == "manifests")
        return manifest(head, at, stream);
    if (at.kind == "uploads" && head.method == "POST")
        return open(head, at, stream);
    if (at.kind == "uploads" && head.method == "PATCH")
        return patch(head, at, stream);
    if (at.kind == "uploads" && head.method == "PUT")
        return commit(head, at, stream);
    stream.read_body(head, {});
    if (head.path == "/v2/" || head.path == "/v2")
        return {200, {{"Docker-Distribution-API-Version", "registry/2.0"}}, "{}"};
    if (at.kind == "blobs")
        return blob(head, at);
    if (at.kind == "uploads") {
        const std::lock_guard held(lock_);
        const auto found = sessions_.find(text(at.rest));
        if (found == sessions_.end())
            return not_found();
        const std::uint64_t bytes = found->second.bytes;
        if (head.method == "DELETE")
            sessions_.erase(found);
        return with_session(204, at.repository, text(at.rest), bytes);
    }
    return not_found();
}

response sink_registry::blob(const request& head, const place& at) {
    const std::lock_guard held(lock_);
    const auto found = blobs_.find(in(at.repository, at.rest));
    if (found == blobs_.end() || (head.method != "HEAD" && head.method != "GET"))
        return not_found();
    const stored_blob& one = found->second;
    // A layer's bytes are gone: only the question whether it was pushed has an answer.
    if (head.method == "GET" && one.content.size() != one.bytes)
        return not_found();
    return {
        200,
        {{"Content-Length", std::to_string(one.bytes)}, {"Docker-Content-Digest", text(at.rest)}},
        one.content};
}

void sink_registry::receive(const request& head, http_stream& stream, session& into) {
    if (hash_ && !into.hashed)
        into.hashed = std::make_unique<hasher>(algorithm_of(head.parameter("digest")));
    bool small = into.content.size() == into.bytes;
    const auto reader = [&](std::span<const char> bytes) {
        if (into.hashed)
            into.hashed->update(std::as_bytes(bytes));
        small = small && into.content.size() + bytes.size() <= small_blob_bytes_max;
        if (small)
            into.content.append(bytes.data(), bytes.size());
        else
            into.content.clear();
        return hash_ || small;
    };
    const std::uint64_t bytes = stream.read_body(head, reader);
    into.bytes += bytes;
    const std::lock_guard held(lock_);
    counted_.blob_bytes += bytes;
}

response sink_registry::open(const request& head, const place& at, http_stream& stream) {
    const std::string_view mount = head.parameter("mount");
    const std::string_view whole = head.parameter("digest");
    session fresh;
    receive(head, stream, fresh);
    if (!whole.empty() && mount.empty() && fresh.bytes > 0)
        return finish(at, std::move(fresh), whole);
    const std::lock_guard held(lock_);
    const auto source = blobs_.find(in(head.parameter("from"), mount));
    if (source != blobs_.end()) {
        blobs_[in(at.repository, mount)] = source->second;
        return stored("/v2/" + text(at.repository) + "/blobs/" + text(mount), mount);
    }
    const std::string id = std::to_string(next_session_++);
    sessions_.emplace(id, session{});
    return with_session(202, at.repository, id, 0);
}

response sink_registry::patch(const request& head, const place& at, http_stream& stream) {
    const std::string id = text(at.rest);
    session mine;
    {
        const std::lock_guard held(lock_);
        const auto found = sessions_.find(id);
        if (found != sessions_.end())
            mine = std::move(found->second);
        else
            mine.bytes = UINT64_MAX;
    }
    if (mine.bytes == UINT64_MAX) {
        stream.read_body(head, {});
        return refused(404, "BLOB_UPLOAD_UNKNOWN");
    }
    const std::string_view range = head.header("content-range");
    const bool expected = range.empty() || range.starts_with(std::to_string(mine.bytes) + "-");
    try {
        if (expected)
            receive(head, stream, mine);
        else
            stream.read_body(head, {});
    } catch (...) {
        // Half a PATCH is worth nothing here: like registries that only keep whole ones.
        const std::lock_guard held(lock_);
        sessions_.erase(id);
        throw;
    }
    const std::uint64_t bytes = mine.bytes;
    {
        const std::lock_guard held(lock_);
        sessions_[id] = std::move(mine);
    }
    if (!expected)
        return refused(416, "BLOB_UPLOAD_INVALID");
    return with_session(202, at.repository, id, bytes);
}

response sink_registry::commit(const request& head, const place& at, http_stream& stream) {
    session mine;
    bool known = false;
    {
        const std::lock_guard held(lock_);
        auto node = sessions_.extract(text(at.rest));
        known = !node.empty();
        if (known)
            mine = std::move(node.mapped());
    }
    receive(head, stream, mine);
    if (!known)
        return refused(404, "BLOB_UPLOAD_UNKNOWN");
    return finish(at, std::move(mine), head.parameter("digest"));
}

response sink_registry::finish(const place& at, session done, std::string_view digest) {
    if (digest.empty())
        return refused(400, "DIGEST_INVALID");
    if (hash_ && (done.hashed ? done.hashed->finish() : digest_of("")).str() != digest)
        return refused(400, "DIGEST_INVALID");
    const std::lock_guard held(lock_);
    ++counted_.blobs;
    blobs_[in(at.repository, digest)] = {done.bytes, std::move(done.content)};
    return stored("/v2/" + text(at.repository) + "/blobs/" + text(digest), digest);
}

response sink_registry::manifest(const request& head, const place& at, http_stream& stream) {
    if (head.method == "PUT")
        return put_manifest(head, at, stream);
    stream.read_body(head, {});
    const std::lock_guard held(lock_);
    const auto found = manifests_.find(in(at.repository, at.rest));
    if (found == manifests_.end() || (head.method != "GET" && head.method != "HEAD"))
        return not_found();
    const stored_manifest& one = found->second;
    return {
        200,
        {{"Content-Type", one.media_type},
         {"Docker-Content-Digest", digest_of(one.bytes).str()},
         {"Content-Length", std::to_string(one.bytes.size())}},
        one.bytes};
}

response sink_registry::put_manifest(const request& head, const place& at, http_stream& stream) {
    constexpr std::size_t manifest_bytes_max = 4 * 1024 * 1024;
    stored_manifest one{text(head.header("content-type")), {}};
    stream.read_body(head, [&one](std::span<const char> bytes) {
        if (one.bytes.size() + bytes.size() <= manifest_bytes_max)
            one.bytes.append(bytes.data(), bytes.size());
        return true;
    });
    const std::string digest = digest_of(one.bytes).str();
    if (at.rest.find(':') != at.rest.npos && at.rest != digest)
        return refused(400, "DIGEST_INVALID");
    const std::lock_guard held(lock_);
    ++counted_.manifests;
    manifests_[in(at.repository, digest)] = one;
    manifests_[in(at.repository, at.rest)] = std::move(one);
    return stored("/v2/" + text(at.repository) + "/manifests/" + digest, digest);
}

response sink_registry::refused(int status, std::string_view code) {
    const std::lock_guard held(lock_);
    ++counted_.refusals;
    return {
        status,
        {{"Content-Type", "application/json"}},
        R"({"errors":[{"code":")" + text(code) + R"("}]})"};
}

} // namespace tarpon::sink
