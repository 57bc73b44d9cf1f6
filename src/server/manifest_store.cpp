// See manifest_store.hpp.
#include "server/manifest_store.hpp"

#include "archive/oci_document.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::server {
namespace {

namespace json = boost::json;

constexpr const char* index_file = "index.json";
constexpr const char* layout_file = "oci-layout";
constexpr const char* layout_text = R"({"imageLayoutVersion":"1.0.0"})";

json::object to_json(const descriptor& content) {
    return {
        {"mediaType", content.media_type},
        {"digest", content.digest.str()},
        {"size", static_cast<std::int64_t>(content.size)},
    };
}

} // namespace

std::optional<descriptor> parse_tag(std::string_view text) {
    const auto object = parse_strict_object(text);
    if (!object)
        return std::nullopt;
    const auto type = string_member(*object, "mediaType");
    const auto content = digest_member(*object, "digest");
    const auto size = size_member(*object, "size");
    if (!type || !content || !size || !*type || !*content || !*size)
        return std::nullopt;
    return descriptor{**type, **content, **size};
}

std::vector<digest> parts_of(const archive::manifest_document& document) {
    std::vector<digest> parts;
    for (const archive::oci_descriptor& child : document.manifests)
        parts.push_back(child.digest);
    for (const archive::oci_descriptor& layer : document.layers)
        parts.push_back(layer.digest);
    if (!document.is_index)
        parts.push_back(document.config.digest);
    return parts;
}

manifest_store::manifest_store(folder& root, blob_store& blobs)
    : root_(root)
    , blobs_(blobs)
    , referrers_(root) {
    for_each_repository(root_, [this](const std::string& name) { load_repository(name); });
    if (root_.read(layout_file, 1024) != std::optional<std::string>(layout_text))
        root_.write_atomically(layout_file, layout_text);
    index_stale_ = true;
    write_index();
}

void manifest_store::load_repository(const std::string& repository) {
    for (const folder::entry& tag : root_.list(tags_path(repository))) {
        const std::string path = tag_path(repository, tag.name);
        // What is not one of our small files names nothing, and keeps no server from starting.
        const auto size = root_.size_of(path);
        if (!is_tag(tag.name) || !size || *size > tag_file_bytes_max)
            continue;
        const auto text = root_.read(path, tag_file_bytes_max);
        const auto content = text ? parse_tag(*text) : std::nullopt;
        if (content)
            tags_[repository].emplace(tag.name, *content);
    }
}

std::optional<manifest_store::rejection> manifest_store::check_references(
    const std::string& repository, const archive::manifest_document& document) {
    const auto unknown = [](const digest& missing) {
        return rejection{
            "MANIFEST_BLOB_UNKNOWN", concat("the repository does not have ", missing.str())};
    };
    for (const archive::oci_descriptor& child : document.manifests) {
        // BuildKit's caches are indexes of layers.
        const bool is_blob =
            !media_type::is_manifest(child.media_type) && !media_type::is_index(child.media_type);
        if (!claim(repository, child.digest)
            && !(is_blob && blobs_.claim(repository, child.digest)))
            return unknown(child.digest);
    }
    if (document.is_index)
        return std::nullopt;
    for (const archive::oci_descriptor& layer : document.layers)
        if (!blobs_.claim(repository, layer.digest) && !media_type::is_foreign(layer.media_type))
            return unknown(layer.digest);
    if (!blobs_.claim(repository, document.config.digest))
        return unknown(document.config.digest);
    return std::nullopt;
}

manifest_store::put_outcome manifest_store::put(
    const std::string& repository,
    const std::string& tag,
    const descriptor& content,
    std::string_view bytes) {
    const auto document = archive::parse_manifest(bytes, content.media_type);
    if (!document)
        return {rejection{"MANIFEST_INVALID", document.error().message}, std::nullopt};
    const auto inside = blobs_.gate().enter();
    if (auto rejected = check_references(repository, *document))
        return {std::move(rejected), std::nullopt};
    put_outcome outcome;
    if (document->subject) {
        outcome.subject = document->subject->digest;
        (void)claim(repository, *outcome.subject); // it may come later, or never
    }
    blobs_.add_bytes(repository, content.digest, bytes);
    referrers_.add(repository, content, *document);
    root_.write_atomically(manifest_path(repository, content.digest), content.media_type);
    if (const std::string mark = released_path(repository, content.digest); root_.size_of(mark))
        root_.remove_durably(mark); // it is wanted again
    if (tag.empty())
        return outcome;
    const std::lock_guard one_writer(writing_tags_);
    root_.write_atomically(tag_path(repository, tag), json::serialize(to_json(content)));
    const std::lock_guard guard(mutex_);
    tags_[repository].insert_or_assign(tag, content);
    index_stale_ = true;
    return outcome;
}

void manifest_store::drop_tag(const std::string& repository, const std::string& tag) {
    root_.remove_durably(tag_path(repository, tag));
    const std::lock_guard guard(mutex_);
    const auto found = tags_.find(repository);
    found->second.erase(tag);
    if (found->second.empty())
        tags_.erase(found);
    index_stale_ = true;
}

bool manifest_store::remove_tag(const std::string& repository, const std::string& tag) {
    const auto alone = blobs_.gate().alone();
    const auto named = find_tag(repository, tag);
    if (!named)
        return false;
    drop_tag(repository, tag);
    if (!is_tagged(repository, named->digest))
        release(repository, named->digest);
    return true;
}

bool manifest_store::is_tagged(const std::string& repository, const digest& content) const {
    const std::lock_guard guard(mutex_);
    const auto found = tags_.find(repository);
    return found != tags_.end()
           && std::any_of(found->second.begin(), found->second.end(), [&](const auto& tag) {
                  return tag.second.digest == content;
              });
}

void manifest_store::release(const std::string& repository, const digest& content) {
    if (!root_.size_of(manifest_path(repository, content)))
        return;
    const std::string mark = released_path(repository, content);
    if (!root_.size_of(mark))
        root_.write_atomically(mark, {}); // or a deleted image would stay after a loss of power
}

bool manifest_store::remove(const std::string& repository, const digest& content) {
    const auto alone = blobs_.gate().alone();
    // Whatever became of its content: a damaged one can be removed too.
    if (!root_.size_of(manifest_path(repository, content)))
        return false;
    for (const std::string& tag : tags(repository).value_or(std::vector<std::string>())) {
        const auto named = find_tag(repository, tag);
        if (named && named->digest == content)
            drop_tag(repository, tag);
    }
    drop(repository, content);
    return true;
}

bool manifest_store::remove_untagged(const std::string& repository, const digest& content) {
    if (is_tagged(repository, content))
        return false;
    drop(repository, content);
    return true;
}

/// The marks come first: after a crash in the middle they are still there to be followed. What has
/// a tag of its own gets none: it would go as soon as that tag moved on.
void manifest_store::drop(const std::string& repository, const digest& content) {
    const auto document = parsed(repository, content);
    const auto release_part = [&](const digest& part) {
        if (!is_tagged(repository, part))
            release(repository, part);
    };
    if (document)
        for (const archive::oci_descriptor& child : document->manifests)
            release_part(child.digest);
    for (const digest& referrer : referrers_.of(repository, content))
        release_part(referrer);
    root_.remove_durably(manifest_path(repository, content));
    if (document && document->subject)
        referrers_.remove(repository, document->subject->digest, content);
    root_.remove(released_path(repository, content));
}

std::optional<descriptor>
manifest_store::find_tag(const std::string& repository, const std::string& tag) const {
    const std::lock_guard guard(mutex_);
    const auto found = tags_.find(repository);
    if (found == tags_.end() || !found->second.contains(tag))
        return std::nullopt;
    return found->second.at(tag);
}

std::optional<descriptor>
manifest_store::find(const std::string& repository, const digest& content) const {
    auto type = root_.read(manifest_path(repository, content), limits::media_type_bytes_max);
    const auto size = blobs_.find(repository, content);
    if (!type || !size)
        return std::nullopt;
    return descriptor{std::move(*type), content, *size};
}

std::optional<descriptor>
manifest_store::claim(const std::string& repository, const digest& content) {
    auto found = find(repository, content);
    if (!found)
        return std::nullopt;
    root_.touch(manifest_path(repository, content));
    blobs_.gate().rely_on(repository, content);
    return found;
}

std::optional<std::string> manifest_store::read(const descriptor& content) const {
    const std::string path = blob_path(content.digest);
    if (root_.size_of(path) != std::optional(content.size))
        return std::nullopt;
    auto bytes = root_.read(path, static_cast<std::size_t>(limits::manifest_bytes_max));
    if (bytes && digest_of(*bytes, content.digest.algo()) != content.digest)
        return std::nullopt;
    return bytes;
}

std::optional<file> manifest_store::open(const descriptor& content) const {
    return root_.open(blob_path(content.digest));
}

std::optional<archive::manifest_document>
manifest_store::parsed(const std::string& repository, const digest& content) const {
    const auto self = find(repository, content);
    const auto bytes = self ? read(*self) : std::nullopt;
    if (!bytes)
        return std::nullopt;
    auto document = archive::parse_manifest(*bytes, self->media_type);
    return document ? std::optional(std::move(*document)) : std::nullopt;
}

referrer_store::page manifest_store::referrers(
    const std::string& repository,
    const digest& subject,
    std::string_view artifact_type,
    const std::string& after) const {
    const auto is_there = [&](const digest& referrer) {
        return find(repository, referrer).has_value();
    };
    return referrers_.list(repository, subject, artifact_type, after, is_there);
}

std::optional<digest>
manifest_store::user_of(const std::string& repository, const digest& blob) const {
    std::optional<digest> user;
    for_each_digest(root_, manifests_path(repository), [&](const digest& one) {
        if (user)
            return;
        const auto document = parsed(repository, one);
        const auto parts = document ? parts_of(*document) : std::vector<digest>();
        // What cannot be read could name it.
        if (!document || one == blob || std::find(parts.begin(), parts.end(), blob) != parts.end())
            user = one;
    });
    return user;
}

std::optional<std::vector<std::string>> manifest_store::tags(const std::string& repository) const {
    std::vector<std::string> names;
    {
        const std::lock_guard guard(mutex_);
        const auto found = tags_.find(repository);
        if (found != tags_.end())
            for (const auto& [tag, content] : found->second)
                names.push_back(tag);
    }
    if (!names.empty())
        return names;
    // One that only has manifests without tags is there too.
    bool is_there = false;
    for_each_digest(root_, manifests_path(repository), [&](const digest&) { is_there = true; });
    return is_there ? std::optional(names) : std::nullopt;
}

std::vector<std::string> manifest_store::repositories() const {
    const std::lock_guard guard(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, tags] : tags_)
        names.push_back(name);
    return names;
}

std::string manifest_store::index_text() const {
    json::array manifests;
    for (const auto& [repository, tags] : tags_)
        for (const auto& [tag, content] : tags) {
            json::object entry = to_json(content);
            entry["annotations"] = {
                {"org.opencontainers.image.ref.name", concat(repository, ":", tag)}};
            manifests.push_back(std::move(entry));
        }
    return json::serialize(json::object{
        {"schemaVersion", 2},
        {"mediaType",
         json::string_view(media_type::oci_index.data(), media_type::oci_index.size())},
        {"manifests", std::move(manifests)},
    });
}

void manifest_store::write_index() {
    const std::lock_guard one_writer(writing_index_);
    std::string text;
    {
        const std::lock_guard guard(mutex_);
        if (!std::exchange(index_stale_, false))
            return;
        text = index_text();
    }
    root_.replace(index_file, text);
}

} // namespace tarpon::server
