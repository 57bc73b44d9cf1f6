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

namespace tarpon::server {
namespace {

namespace json = boost::json;

constexpr const char* index_file = "index.json";
constexpr std::size_t tag_bytes_max = 4096; // of the file behind a tag
constexpr const char* layout_file = "oci-layout";
constexpr const char* layout_text = R"({"imageLayoutVersion":"1.0.0"})";

std::string manifest_path(const std::string& repository, const digest& content) {
    return concat(
        repository_path(repository), "/_manifests/", content.algo_name(), "/", content.hex());
}

std::string tag_path(const std::string& repository, const std::string& tag) {
    return concat(repository_path(repository), "/_tags/", tag);
}

json::object to_json(const descriptor& content) {
    return {
        {"mediaType", content.media_type},
        {"digest", content.digest.str()},
        {"size", static_cast<std::int64_t>(content.size)},
    };
}

std::optional<descriptor> from_json(std::string_view text) {
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

} // namespace

manifest_store::manifest_store(folder& root, blob_store& blobs)
    : root_(root)
    , blobs_(blobs) {
    load_folder("repositories");
    if (root_.read(layout_file, 1024) != std::optional<std::string>(layout_text))
        root_.write_atomically(layout_file, layout_text);
    index_stale_ = true;
    write_index();
}

void manifest_store::load_folder(const std::string& below) {
    for (const folder::entry& child : root_.list(below)) {
        if (!child.is_folder)
            continue;
        if (child.name == "_tags")
            load_repository(below.substr(std::string_view("repositories/").size()));
        else if (!child.name.starts_with('_'))
            load_folder(concat(below, "/", child.name));
    }
}

void manifest_store::load_repository(const std::string& repository) {
    for (const folder::entry& tag : root_.list(concat(repository_path(repository), "/_tags"))) {
        const std::string path = tag_path(repository, tag.name);
        // What is not one of our small files names nothing, and keeps no server from starting.
        const auto size = root_.size_of(path);
        if (!is_tag(tag.name) || !size || *size > tag_bytes_max)
            continue;
        const auto text = root_.read(path, tag_bytes_max);
        const auto content = text ? from_json(*text) : std::nullopt;
        if (content)
            tags_[repository].emplace(tag.name, *content);
    }
}

std::optional<manifest_store::rejection> manifest_store::check_references(
    const std::string& repository, const descriptor& content, std::string_view bytes) const {
    const auto document = archive::parse_manifest(bytes, content.media_type);
    if (!document)
        return rejection{"MANIFEST_INVALID", document.error().message};
    const auto unknown = [](const digest& missing) {
        return rejection{
            "MANIFEST_BLOB_UNKNOWN", concat("the repository does not have ", missing.str())};
    };
    for (const archive::oci_descriptor& child : document->manifests)
        if (!find(repository, child.digest))
            return unknown(child.digest);
    if (document->is_index)
        return std::nullopt;
    for (const archive::oci_descriptor& layer : document->layers)
        if (!media_type::is_foreign(layer.media_type) && !blobs_.find(repository, layer.digest))
            return unknown(layer.digest);
    if (!blobs_.find(repository, document->config.digest))
        return unknown(document->config.digest);
    return std::nullopt;
}

std::optional<manifest_store::rejection> manifest_store::put(
    const std::string& repository,
    const std::string& tag,
    const descriptor& content,
    std::string_view bytes) {
    const std::shared_lock nothing_removed(removing_);
    if (auto rejected = check_references(repository, content, bytes))
        return rejected;
    blobs_.add_bytes(repository, content.digest, bytes);
    root_.write_atomically(manifest_path(repository, content.digest), content.media_type);
    if (tag.empty())
        return std::nullopt;
    const std::lock_guard one_writer(writing_tags_);
    root_.write_atomically(tag_path(repository, tag), json::serialize(to_json(content)));
    const std::lock_guard guard(mutex_);
    tags_[repository].insert_or_assign(tag, content);
    index_stale_ = true;
    return std::nullopt;
}

bool manifest_store::remove_tag(const std::string& repository, const std::string& tag) {
    const std::lock_guard one_writer(writing_tags_);
    if (!find_tag(repository, tag))
        return false;
    root_.remove(tag_path(repository, tag));
    const std::lock_guard guard(mutex_);
    const auto found = tags_.find(repository);
    found->second.erase(tag);
    if (found->second.empty())
        tags_.erase(found);
    index_stale_ = true;
    return true;
}

bool manifest_store::remove(const std::string& repository, const digest& content) {
    const std::lock_guard alone(removing_);
    if (!find(repository, content))
        return false;
    for (const std::string& tag : tags(repository).value_or(std::vector<std::string>())) {
        const auto named = find_tag(repository, tag);
        if (named && named->digest == content)
            remove_tag(repository, tag);
    }
    root_.remove(manifest_path(repository, content));
    return true;
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

std::optional<std::string> manifest_store::read(const descriptor& content) const {
    const std::string path = blob_path(content.digest);
    if (root_.size_of(path) != std::optional(content.size))
        return std::nullopt;
    auto bytes = root_.read(path, static_cast<std::size_t>(limits::manifest_bytes_max));
    if (bytes && digest_of(*bytes, content.digest.algo()) != content.digest)
        return std::nullopt;
    return bytes;
}

std::optional<std::vector<std::string>> manifest_store::tags(const std::string& repository) const {
    const std::lock_guard guard(mutex_);
    const auto found = tags_.find(repository);
    if (found == tags_.end())
        return std::nullopt;
    std::vector<std::string> names;
    for (const auto& [tag, content] : found->second)
        names.push_back(tag);
    return names;
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
