// See image_tree.hpp.
#include "engine/image_tree.hpp"

#include "model/media_type.hpp"
#include "model/text.hpp"
#include "registry/manifest_builder.hpp"

#include <algorithm>
#include <map>

namespace tarpon::engine {
namespace {

using archive::archive_contents;
using archive::manifest_node;
using archive::oci_descriptor;

constexpr std::string_view attestation_subject = "vnd.docker.reference.digest";

bool is_attestation(const oci_descriptor& child) {
    return child.annotations.contains(std::string(attestation_subject));
}

class selector {
public:
    selector(const archive_contents& contents, const tree_choice& choice)
        : contents_(contents)
        , choice_(choice) {}

    result<image_tree> run(const descriptor& root);

private:
    bool wanted(const oci_descriptor& child) const;
    std::set<digest> kept_children(const manifest_node& index);
    std::optional<descriptor> visit(const oci_descriptor& at);
    std::optional<descriptor> visit_index(const manifest_node& node);
    void visit_image(const manifest_node& node);
    void add_blob(const oci_descriptor& blob, const digest& owner);
    std::optional<oci_descriptor> only_platform(const descriptor& root);
    void
    find_platform(const digest& at, std::set<digest>& seen, std::vector<oci_descriptor>& found);

    const archive_contents& contents_;
    const tree_choice& choice_;
    image_tree tree_;
    std::map<digest, std::optional<descriptor>> visited_;
    std::set<digest> blobs_seen_;
};

bool selector::wanted(const oci_descriptor& child) const {
    if (choice_.drop.contains(child.digest))
        return false;
    if (choice_.platforms.empty() || media_type::is_index(child.media_type))
        return true;
    return child.platform
           && std::any_of(choice_.platforms.begin(), choice_.platforms.end(), [&](const auto& p) {
                  return platform_matches(p, *child.platform);
              });
}

/// Children that stay: wanted ones, and attestations of those.
std::set<digest> selector::kept_children(const manifest_node& index) {
    std::set<digest> kept;
    for (const oci_descriptor& child : index.document.manifests)
        if (wanted(child) && !(is_attestation(child) && !choice_.platforms.empty()))
            kept.insert(child.digest);
    for (const oci_descriptor& child : index.document.manifests) {
        if (!is_attestation(child))
            continue;
        const auto subject = digest::parse(child.annotations.at(std::string(attestation_subject)));
        const bool has_subject = subject && kept.contains(*subject);
        if (has_subject && !choice_.drop.contains(child.digest))
            kept.insert(child.digest);
        else if (subject && !has_subject && (!choice_.platforms.empty() || !choice_.drop.empty()))
            kept.erase(child.digest);
    }
    return kept;
}

void selector::add_blob(const oci_descriptor& blob, const digest& owner) {
    if (media_type::is_foreign(blob.media_type) && !contents_.find_blob(blob.digest))
        return;
    if (!blobs_seen_.insert(blob.digest).second)
        return;
    tree_blob added{blob, contents_.find_blob(blob.digest), {}, owner};
    if (!added.entry)
        added.inline_bytes = blob.data;
    tree_.blobs.push_back(std::move(added));
}

void selector::visit_image(const manifest_node& node) {
    for (const oci_descriptor& layer : node.document.layers)
        add_blob(layer, node.self.digest);
    add_blob(node.document.config, node.self.digest);
    tree_.manifests.push_back({node.self, node.bytes});
}

std::optional<descriptor> selector::visit_index(const manifest_node& node) {
    const std::set<digest> kept = kept_children(node);
    std::map<digest, descriptor> replaced;
    bool changed = false;
    for (const oci_descriptor& child : node.document.manifests) {
        std::optional<descriptor> now;
        if (kept.contains(child.digest))
            now = visit(child);
        changed |= !now || now->digest != child.digest;
        if (now)
            replaced.insert_or_assign(child.digest, *now);
    }
    if (!changed) {
        tree_.manifests.push_back({node.self, node.bytes});
        return node.self;
    }
    if (replaced.empty())
        return std::nullopt;
    auto map = [&](const oci_descriptor& child) -> std::optional<descriptor> {
        const auto found = replaced.find(child.digest);
        return found == replaced.end() ? std::nullopt : std::optional(found->second);
    };
    auto built = registry::rewrite_index(node.document, map);
    tree_.manifests.push_back({built.self, std::move(built.bytes)});
    return built.self;
}

/// What stands for `at` in the tree; nullopt when nothing of it is left.
std::optional<descriptor> selector::visit(const oci_descriptor& at) {
    if (const auto known = visited_.find(at.digest); known != visited_.end())
        return known->second;
    const manifest_node* node = contents_.find_manifest(at.digest);
    std::optional<descriptor> now = at;
    if (!node)
        tree_.absent.push_back({at});
    else if (node->document.is_index)
        now = visit_index(*node);
    else
        visit_image(*node);
    visited_.emplace(at.digest, now);
    return now;
}

void selector::find_platform(
    const digest& at, std::set<digest>& seen, std::vector<oci_descriptor>& found) {
    const manifest_node* node = contents_.find_manifest(at);
    if (!node || !seen.insert(at).second)
        return;
    for (const oci_descriptor& child : node->document.manifests) {
        if (media_type::is_index(child.media_type))
            find_platform(child.digest, seen, found);
        else if (wanted(child) && !is_attestation(child))
            found.push_back(child);
    }
}

/// With one platform chosen and one manifest for it, that manifest is the image.
std::optional<oci_descriptor> selector::only_platform(const descriptor& root) {
    const manifest_node* node = contents_.find_manifest(root.digest);
    if (choice_.platforms.size() != 1 || !node || !node->document.is_index)
        return std::nullopt;
    std::set<digest> seen;
    std::vector<oci_descriptor> found;
    find_platform(root.digest, seen, found);
    if (found.size() != 1)
        return std::nullopt;
    return found.front();
}

result<image_tree> selector::run(const descriptor& root) {
    oci_descriptor start;
    static_cast<descriptor&>(start) = root;
    if (const auto only = only_platform(root))
        start = *only;
    const auto selected = visit(start);
    if (!selected || tree_.manifests.empty()) {
        std::string names;
        for (const std::string& p : choice_.platforms)
            names += concat(names.empty() ? "" : ", ", p);
        return failure{
            errc::archive_platform_missing,
            names.empty() ? "none of its platforms is in the archive"
                          : concat("the archive does not hold the platform ", names)};
    }
    return std::move(tree_);
}

} // namespace

bool platform_matches(std::string_view wanted, const archive::platform& found) {
    const std::string base = concat(found.os, "/", found.architecture);
    return wanted == base || wanted == found.str();
}

std::string describe_manifest(const oci_descriptor& manifest) {
    if (manifest.platform && !manifest.platform->architecture.empty())
        return manifest.platform->str();
    return manifest.digest.str();
}

result<image_tree>
select_tree(const archive_contents& contents, const descriptor& root, const tree_choice& choice) {
    return selector(contents, choice).run(root);
}

} // namespace tarpon::engine
