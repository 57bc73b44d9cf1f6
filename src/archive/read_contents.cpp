// index.json and manifest.json, read together (see contents.hpp).
//
// 1. Every root of index.json is loaded with the manifests below it; roots that are one digest
//    become one image with several names; unnamed roots that lie below another root, or whose
//    subject does, are not images of their own.
// 2. Every item of manifest.json is matched with a root by its config digest. A match adds names
//    and the means to rebuild; an item without a match is an image of its own (Docker 25.0.0 to
//    25.0.2 left untagged images out of index.json).
// 3. A root that contradicts its config is dropped where an item can replace it.
#include "archive/contents.hpp"
#include "archive/docker_image.hpp"
#include "archive/manifest_graph.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::archive {
namespace {

constexpr std::string_view image_name_annotation = "io.containerd.image.name";
constexpr std::string_view ref_name_annotation = "org.opencontainers.image.ref.name";
constexpr std::string_view subject_annotation = "io.containerd.manifest.subject";

/// A root of index.json with the image it becomes.
struct root_image {
    oci_descriptor root;
    archive_image image;
};

failure in_file(std::string_view file, const failure& what) {
    return {what.code, concat(file, ": ", what.message)};
}

/// How producers name images in index.json, in containerd's order of preference.
std::optional<reference> name_of(const oci_descriptor& root, std::vector<std::string>& warnings) {
    const auto annotation = [&](std::string_view key) -> std::string_view {
        const auto found = root.annotations.find(std::string(key));
        return found == root.annotations.end() ? std::string_view() : found->second;
    };
    if (const auto full = annotation(image_name_annotation); !full.empty()) {
        if (auto name = reference::parse(full))
            return std::move(*name);
        warnings.push_back(
            concat("index.json: \"", foreign_text(full, 200), "\" is no image name; ignored"));
    }
    const std::string_view text = annotation(ref_name_annotation);
    if (text.empty())
        return std::nullopt;
    if (text.find_first_of("/:@") != text.npos)
        if (auto name = reference::parse(text))
            return std::move(*name);
    if (is_tag(text)) {
        reference bare;
        bare.tag = text;
        return bare;
    }
    warnings.push_back(concat(
        "index.json: \"", foreign_text(text, 200), "\" is neither a name nor a tag; ignored"));
    return std::nullopt;
}

void add_name(archive_image& image, const reference& name) {
    if (std::find(image.names.begin(), image.names.end(), name) == image.names.end())
        image.names.push_back(name);
}

/// "docker.io/fixture/base:1" and "fixture/base:1" are one name; a bare tag is covered by a full
/// name with the same tag.
void tidy_names(archive_image& image) {
    std::vector<reference> tidy;
    for (reference name : image.names) {
        if (name.host == "docker.io")
            name.host.clear();
        if (name.host.empty() && name.path.starts_with("library/"))
            name.path.erase(0, 8);
        if (!name.path.empty() && name.tag.empty() && name.digest.empty())
            name.tag = "latest";
        if (std::find(tidy.begin(), tidy.end(), name) == tidy.end())
            tidy.push_back(std::move(name));
    }
    std::erase_if(tidy, [&](const reference& bare) {
        return bare.path.empty()
               && std::any_of(tidy.begin(), tidy.end(), [&](const reference& full) {
                      return !full.path.empty() && full.tag == bare.tag;
                  });
    });
    image.names = std::move(tidy);
}

class reader {
public:
    reader(entry_table entries, metadata_source& source, bool ended_early)
        : source_(source) {
        contents_.entries = std::move(entries);
        contents_.ended_early = ended_early;
    }

    result<archive_contents> run();

private:
    result<std::optional<std::string>> read_named(std::string_view name, std::uint64_t bytes_max);
    result<void> read_roots(std::string_view index_json);
    result<void> read_items(std::string_view manifest_json);
    void merge_roots(const std::vector<oci_descriptor>& descriptors);
    void load_roots();
    void attach_unnamed_roots();
    bool attach_as_referrer(const root_image& candidate);
    void check_tree(root_image& root);
    void merge_item(const docker_item& item);
    root_image* root_with_config(const digest& config, const std::vector<reference>& names);
    failure no_metadata() const;
    void blame_the_end();

    metadata_source& source_;
    archive_contents contents_;
    std::vector<root_image> roots_;
    std::vector<archive_image> docker_only_;
};

result<std::optional<std::string>>
reader::read_named(std::string_view name, std::uint64_t bytes_max) {
    if (!contents_.entries.contains(name))
        return std::optional<std::string>();
    const auto entry = find_unambiguous(name, contents_.entries, source_);
    if (!entry)
        return entry.error();
    auto text = source_.read(contents_.entries.at(*entry), bytes_max);
    if (!text)
        return in_file(name, text.error());
    return std::optional<std::string>(std::move(*text));
}

void reader::merge_roots(const std::vector<oci_descriptor>& descriptors) {
    for (const oci_descriptor& one : descriptors) {
        if (!media_type::is_index(one.media_type) && !media_type::is_manifest(one.media_type)) {
            contents_.warnings.push_back(concat(
                "index.json: a descriptor of type \"", foreign_text(one.media_type, 80),
                "\" is not pushed"));
            continue;
        }
        auto same = std::find_if(roots_.begin(), roots_.end(), [&](const root_image& root) {
            return root.root.digest == one.digest;
        });
        if (same == roots_.end()) {
            roots_.push_back({one, {}});
            same = std::prev(roots_.end());
            same->image.root = one;
        }
        if (const auto name = name_of(one, contents_.warnings))
            add_name(same->image, *name);
    }
}

void reader::load_roots() {
    for (root_image& root : roots_) {
        if (const auto loaded = load_manifest_tree(root.root, contents_, source_); !loaded)
            root.image.trouble = loaded.error();
        else
            check_tree(root);
    }
}

/// Every image manifest below the root agrees with its config, as far as the config is there.
void reader::check_tree(root_image& root) {
    for (const digest& at : reachable_manifests(root.root.digest, contents_)) {
        const manifest_node* node = contents_.find_manifest(at);
        if (!node || node->document.is_index)
            continue;
        const auto config = config_of(*node, contents_, source_);
        if (!config) {
            root.image.trouble = config.error();
            return;
        }
        if (!*config)
            continue;
        if (const auto agrees = check_layers(*node, **config); !agrees) {
            root.image.trouble = agrees.error();
            return;
        }
    }
}

bool reader::attach_as_referrer(const root_image& candidate) {
    const manifest_node* node = contents_.find_manifest(candidate.root.digest);
    std::optional<digest> subject;
    if (node && node->document.subject)
        subject = node->document.subject->digest;
    const auto annotated = candidate.root.annotations.find(std::string(subject_annotation));
    if (!subject && annotated != candidate.root.annotations.end())
        if (const auto parsed = digest::parse(annotated->second))
            subject = *parsed;
    if (!subject)
        return false;
    for (root_image& root : roots_) {
        if (root.root.digest == candidate.root.digest)
            continue;
        auto tree = reachable_manifests(root.root.digest, contents_);
        for (const descriptor& referrer : root.image.referrers)
            tree.merge(reachable_manifests(referrer.digest, contents_));
        if (tree.contains(*subject)) {
            root.image.referrers.push_back(candidate.root);
            return true;
        }
    }
    return false;
}

void reader::attach_unnamed_roots() {
    const auto below_another = [&](const root_image& candidate) {
        return std::any_of(roots_.begin(), roots_.end(), [&](const root_image& root) {
            return root.root.digest != candidate.root.digest
                   && reachable_manifests(root.root.digest, contents_)
                          .contains(candidate.root.digest);
        });
    };
    std::erase_if(roots_, [&](const root_image& root) {
        return root.image.names.empty() && !root.image.trouble && below_another(root);
    });
    // A referrer may refer to a referrer: repeat until nothing more finds its subject.
    for (bool found = true; found;) {
        found = false;
        for (std::size_t i = 0; i < roots_.size(); ++i) {
            if (!roots_[i].image.names.empty() || roots_[i].image.trouble
                || !attach_as_referrer(roots_[i]))
                continue;
            // Its own referrers go with it.
            const auto orphans = std::move(roots_[i].image.referrers);
            const digest gone = roots_[i].root.digest;
            roots_.erase(roots_.begin() + static_cast<std::ptrdiff_t>(i));
            for (root_image& root : roots_) {
                auto& held = root.image.referrers;
                if (std::any_of(held.begin(), held.end(), [&](const descriptor& d) {
                        return d.digest == gone;
                    }))
                    held.insert(held.end(), orphans.begin(), orphans.end());
            }
            found = true;
            break;
        }
    }
}

result<void> reader::read_roots(std::string_view index_json) {
    auto index = parse_manifest(index_json, {});
    if (!index)
        return in_file("index.json", index.error());
    if (!index->is_index)
        return failure{errc::archive_metadata, "index.json: it is not an image index"};
    if (!contents_.entries.contains("oci-layout"))
        contents_.warnings.push_back(
            "the archive has index.json but no oci-layout; read as an OCI layout");
    merge_roots(index->manifests);
    load_roots();
    attach_unnamed_roots();
    return {};
}

root_image* reader::root_with_config(const digest& config, const std::vector<reference>& names) {
    root_image* match = nullptr;
    for (root_image& root : roots_) {
        bool has_config = false;
        for (const digest& at : reachable_manifests(root.root.digest, contents_)) {
            const manifest_node* node = contents_.find_manifest(at);
            has_config |=
                node && !node->document.is_index && node->document.config.digest == config;
        }
        if (!has_config)
            continue;
        const bool shares_name =
            std::any_of(names.begin(), names.end(), [&](const reference& name) {
                return std::find(root.image.names.begin(), root.image.names.end(), name)
                       != root.image.names.end();
            });
        if (shares_name)
            return &root;
        if (!match)
            match = &root;
    }
    return match;
}

void reader::merge_item(const docker_item& item) {
    archive_image image;
    auto names = names_of(item);
    if (names)
        image.names = std::move(*names);
    else
        image.trouble = names.error();
    tidy_names(image);
    auto layered = read_docker_image(item, contents_.entries, source_);
    root_image* root = layered ? root_with_config(layered->config_digest, image.names) : nullptr;
    if (!layered && !image.trouble)
        image.trouble = layered.error();
    if (!root) {
        if (layered)
            image.layered = std::move(*layered);
        docker_only_.push_back(std::move(image));
        return;
    }
    for (const reference& name : image.names)
        add_name(root->image, name);
    const manifest_node* node = contents_.find_manifest(root->root.digest);
    if (node && !node->document.is_index) {
        root->image.layered = std::move(*layered);
        if (root->image.trouble) {
            contents_.warnings.push_back(
                concat(root->image.trouble->message, "; using manifest.json instead"));
            root->image.trouble.reset();
            root->image.root.reset();
        }
    }
}

result<void> reader::read_items(std::string_view manifest_json) {
    auto items = parse_docker_manifest(manifest_json);
    if (!items)
        return in_file("manifest.json", items.error());
    for (root_image& root : roots_)
        tidy_names(root.image);
    for (const docker_item& item : *items) {
        // Attestations and artifacts get an item without layers; index.json has the whole truth.
        if (!roots_.empty() && item.layers.empty())
            continue;
        merge_item(item);
    }
    return {};
}

failure reader::no_metadata() const {
    const entry_table& entries = contents_.entries;
    if (entries.contains("repositories"))
        return {
            errc::archive_unsupported, "it has no manifest.json; it was saved by Docker 1.9 or "
                                       "older, which tarpon does not read"};
    if (entries.contains("etc/passwd") || entries.contains("bin/sh")
        || entries.contains("usr/bin/env"))
        return {
            errc::archive_not_image,
            "it is a root file system (docker export?), not an image; use docker save"};
    if (contents_.ended_early)
        return {
            errc::archive_truncated,
            "it ended before manifest.json or index.json; did the producer fail?"};
    return {errc::archive_not_image, "it has neither manifest.json nor index.json"};
}

/// An image that lacks something of an archive without an end is half an image.
void reader::blame_the_end() {
    for (archive_image& image : contents_.images)
        if (image.trouble && image.trouble->code == errc::archive_blob_missing)
            image.trouble = failure{
                errc::archive_truncated,
                concat(
                    image.trouble->message,
                    ", and the archive ended early; did the producer fail?")};
}

result<archive_contents> reader::run() {
    const auto index_json = read_named("index.json", limits::oci_index_bytes_max);
    if (!index_json)
        return index_json.error();
    const auto manifest_json = read_named("manifest.json", limits::docker_manifest_bytes_max);
    if (!manifest_json)
        return manifest_json.error();
    if (!*index_json && !*manifest_json)
        return no_metadata();
    if (*index_json)
        if (const auto read = read_roots(**index_json); !read)
            return read.error();
    if (*manifest_json) {
        contents_.has_docker_manifest = true;
        if (const auto read = read_items(**manifest_json); !read)
            return read.error();
    }
    for (root_image& root : roots_)
        contents_.images.push_back(std::move(root.image));
    for (archive_image& image : docker_only_)
        contents_.images.push_back(std::move(image));
    for (archive_image& image : contents_.images)
        tidy_names(image);
    if (contents_.images.empty())
        return failure{errc::archive_not_image, "its metadata names no image"};
    if (contents_.ended_early)
        blame_the_end();
    return std::move(contents_);
}

} // namespace

result<archive_contents>
read_contents(entry_table entries, metadata_source& source, bool ended_early) {
    return reader(std::move(entries), source, ended_early).run();
}

} // namespace tarpon::archive
