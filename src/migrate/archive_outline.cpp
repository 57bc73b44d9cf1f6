// See archive_outline.hpp.
#include "migrate/archive_outline.hpp"

#include "engine/image_tree.hpp"
#include "engine/push_plan.hpp"
#include "model/text.hpp"

namespace tarpon::migration {

using archive::archive_contents;
using archive::archive_image;
using engine::image_target;
using engine::image_tree;

std::uint64_t archive_outline::bytes() const noexcept {
    std::uint64_t sum = 0;
    for (const blob_outline& blob : blobs)
        sum += blob.bytes;
    return sum;
}

std::uint64_t archive_outline::bytes_to_read() const noexcept {
    std::uint64_t sum = 0;
    for (const blob_outline& blob : blobs)
        sum += blob.in_memory ? 0 : blob.bytes;
    return sum;
}

std::size_t archive_outline::references() const noexcept {
    std::size_t sum = unplaced;
    for (const image_outline& image : images)
        sum += image.references.size();
    return sum;
}

engine::target_list
targets_in(const archive::archive_contents& contents, const destination& where) {
    if (!where.to.empty() && contents.images.size() > 1)
        throw error(
            errc::archive_metadata,
            concat(
                "it has ", counted(contents.images.size(), "image"), ", and the target ",
                foreign_text(where.to.front()), " is for one"))
            .with_hint("give it no target: its images have names of their own");
    return engine::find_targets(contents, where).value();
}

std::vector<std::string> references_of(const image_target& target) {
    std::vector<std::string> all;
    for (const std::string& tag : target.tags)
        all.push_back(concat(target.where.str(), ":", tag));
    if (all.empty())
        all.push_back(target.where.str());
    return all;
}

namespace {

/// Adds the image's blobs to the plan; what the image is called.
std::string add_verbatim(
    engine::plan_builder& builder,
    const archive_contents& contents,
    const image_target& target,
    const push_options& options) {
    const archive_image& image = contents.images[target.image];
    engine::tree_choice choice;
    choice.platforms = options.platforms;
    auto tree = engine::select_tree(contents, *image.root, choice);
    if (!tree)
        return {};
    std::string identity = tree->root().self.digest.str();
    std::vector<image_tree> referrers;
    for (const descriptor& referrer : image.referrers) {
        auto one = engine::select_tree(contents, referrer, {});
        if (!one)
            return {};
        identity += concat(" ", referrer.digest.str());
        referrers.push_back(std::move(*one));
    }
    builder.add_verbatim(target, std::move(*tree), std::move(referrers));
    return identity;
}

std::string add_image(
    engine::plan_builder& builder,
    const archive_contents& contents,
    const image_target& target,
    const push_options& options) {
    const archive_image& image = contents.images[target.image];
    if (image.trouble)
        return {};
    if (engine::push_verbatim(image, options))
        return add_verbatim(builder, contents, target, options);
    if (!builder.add_built(target, *image.layered))
        return {};
    return concat("config ", image.layered->config_digest.str());
}

} // namespace

archive_outline outline_of(
    const std::string& archive,
    const archive_contents& contents,
    const engine::target_list& list,
    const push_options& options) {
    archive_outline outline;
    outline.unplaced = list.unplaced.size();
    engine::plan_builder builder(contents, options);
    for (const image_target& target : list.targets)
        outline.images.push_back(
            {references_of(target), add_image(builder, contents, target, options)});
    const engine::push_plan plan = builder.finish();
    std::size_t anonymous = 0;
    for (const engine::blob_job& blob : plan.blobs) {
        if (!blob.has_content())
            continue; // only the registry can have it
        std::string identity =
            blob.identity.empty() ? concat(archive, "#", anonymous++) : blob.identity;
        outline.blobs.push_back({std::move(identity), blob.stored_bytes, !blob.entry});
    }
    return outline;
}

destination destination_of(const destination& common, const std::string& target) {
    if (target.empty())
        return common;
    std::string_view registry = common.registry;
    while (registry.ends_with('/'))
        registry.remove_suffix(1);
    destination where;
    where.to.push_back(concat(registry, "/", target));
    engine::check_destination(where).value();
    return where;
}

} // namespace tarpon::migration
