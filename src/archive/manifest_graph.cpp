// See manifest_graph.hpp. A digest is loaded once however many paths lead to it, so a diamond of
// indexes costs its nodes, not its paths.
#include "archive/manifest_graph.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::archive {
namespace {

/// The verified bytes of a small blob; nullopt if the archive does not hold it.
result<std::optional<std::string>> read_blob(
    const oci_descriptor& wanted,
    std::uint64_t bytes_max,
    const archive_contents& contents,
    metadata_source& source) {
    const auto entry = contents.find_blob(wanted.digest);
    if (!entry)
        return wanted.data; // inline content was checked when it was parsed
    const std::uint64_t stored = contents.entries.at(*entry).size;
    if (stored != wanted.size)
        return failure{
            errc::digest_mismatch, concat(
                                       "blob ", wanted.digest.str(), " has ", stored,
                                       " bytes, its descriptor says ", wanted.size)};
    auto bytes = source.read(contents.entries.at(*entry), bytes_max);
    if (!bytes)
        return bytes.error();
    if (digest_of(*bytes, wanted.digest.algo()) != wanted.digest)
        return failure{
            errc::digest_mismatch,
            concat("blob ", wanted.digest.str(), " has other content than its name says")};
    return std::optional<std::string>(std::move(*bytes));
}

class loader {
public:
    loader(archive_contents& contents, metadata_source& source)
        : contents_(contents)
        , source_(source) {}

    result<bool> load(const oci_descriptor& wanted, int depth) {
        if (contents_.manifests.contains(wanted.digest))
            return true;
        if (depth > limits::index_depth_max)
            return failure{
                errc::archive_limit,
                concat(
                    "indexes nested deeper than ", limits::index_depth_max, " (index_depth_max)")};
        if (contents_.manifests.size() >= limits::manifest_nodes_max)
            return failure{
                errc::archive_limit,
                concat(
                    "more than ", limits::manifest_nodes_max, " manifests (manifest_nodes_max)")};
        auto bytes = read_blob(wanted, limits::manifest_bytes_max, contents_, source_);
        if (!bytes)
            return bytes.error();
        if (!*bytes)
            return false;
        auto document = parse_manifest(**bytes, wanted.media_type);
        if (!document)
            return failure{
                document.error().code,
                concat("manifest ", wanted.digest.str(), ": ", document.error().message)};
        const std::vector<oci_descriptor> children = document->manifests;
        contents_.manifests.emplace(
            wanted.digest, manifest_node{wanted, std::move(**bytes), std::move(*document)});
        for (const oci_descriptor& child : children) {
            if (!media_type::is_index(child.media_type)
                && !media_type::is_manifest(child.media_type))
                continue; // an index may name anything; other things are not ours to follow
            if (const auto loaded = load(child, depth + 1); !loaded)
                return loaded.error();
        }
        return true;
    }

private:
    archive_contents& contents_;
    metadata_source& source_;
};

void collect(const digest& at, const archive_contents& contents, std::set<digest>& seen) {
    if (!seen.insert(at).second)
        return;
    if (const manifest_node* node = contents.find_manifest(at))
        for (const oci_descriptor& child : node->document.manifests)
            collect(child.digest, contents, seen);
}

} // namespace

result<void>
load_manifest_tree(const descriptor& root, archive_contents& contents, metadata_source& source) {
    oci_descriptor wanted;
    static_cast<descriptor&>(wanted) = root;
    const auto loaded = loader(contents, source).load(wanted, 1);
    if (!loaded)
        return loaded.error();
    if (!*loaded)
        return failure{
            errc::archive_blob_missing,
            concat(
                "index.json names manifest ", root.digest.str(), ", which is not in the archive")};
    return {};
}

std::set<digest> reachable_manifests(const digest& root, const archive_contents& contents) {
    std::set<digest> seen;
    collect(root, contents, seen);
    return seen;
}

result<std::optional<image_config>>
config_of(const manifest_node& node, const archive_contents& contents, metadata_source& source) {
    if (!media_type::is_image_config(node.document.config.media_type))
        return std::optional<image_config>();
    auto bytes = read_blob(node.document.config, limits::image_config_bytes_max, contents, source);
    if (!bytes)
        return bytes.error();
    if (!*bytes)
        return std::optional<image_config>();
    auto config = parse_image_config(**bytes);
    if (!config)
        return failure{
            config.error().code,
            concat(
                "image config ", node.document.config.digest.str(), ": ", config.error().message)};
    return std::optional<image_config>(std::move(*config));
}

result<void> check_layers(const manifest_node& node, const image_config& config) {
    const auto& layers = node.document.layers;
    const auto wrong = [&](std::string_view why) {
        return failure{
            errc::archive_metadata, concat("manifest ", node.self.digest.str(), ": ", why)};
    };
    if (layers.size() != config.diff_ids.size())
        return wrong(concat(
            "it has ", counted(layers.size(), "layer"), ", its config ",
            counted(config.diff_ids.size(), "diff_id")));
    for (std::size_t i = 0; i < layers.size(); ++i)
        if (media_type::is_plain_layer(layers[i].media_type)
            && layers[i].digest != config.diff_ids[i])
            return wrong(concat("layer ", i + 1, " is not the one its config names"));
    return {};
}

} // namespace tarpon::archive
