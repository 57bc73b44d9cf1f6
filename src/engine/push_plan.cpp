// See push_plan.hpp.
#include "engine/push_plan.hpp"

#include "archive/docker_image.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <numeric>

namespace tarpon::engine {
namespace {

using archive::encoding;
using registry::layer_form;

layer_form stored_form(encoding stored) {
    switch (stored) {
    case encoding::gzip:
        return layer_form::gzip;
    case encoding::zstd:
        return layer_form::zstd;
    default:
        return layer_form::plain;
    }
}

/// No media type exists for these, so they never go as they are.
bool has_no_media_type(encoding stored) {
    return stored == encoding::xz || stored == encoding::bzip2;
}

layer_form wanted_form(encoding stored, compression wanted) {
    switch (wanted) {
    case compression::gzip:
        return layer_form::gzip;
    case compression::zstd:
        return layer_form::zstd;
    case compression::none:
        return layer_form::plain;
    case compression::automatic:
        break;
    }
    if (stored == encoding::tar || has_no_media_type(stored))
        return layer_form::gzip;
    return stored_form(stored);
}

std::string_view form_name(layer_form form) {
    switch (form) {
    case layer_form::gzip:
        return "gzip";
    case layer_form::zstd:
        return "zstd";
    case layer_form::plain:
        break;
    }
    return "plain";
}

} // namespace

result<layer_treatment> treat_layer(encoding stored, compression wanted, manifest_format format) {
    layer_treatment treatment;
    treatment.form = wanted_form(stored, wanted);
    if (format == manifest_format::docker && treatment.form == layer_form::zstd) {
        if (wanted == compression::zstd)
            return failure{
                errc::usage, "zstd layers need OCI manifests: leave out --format docker"};
        treatment.form = layer_form::gzip;
    }
    const bool same = !has_no_media_type(stored) && treatment.form == stored_form(stored);
    treatment.decode = !same && stored != encoding::tar;
    treatment.encode = !same && treatment.form != layer_form::plain;
    return treatment;
}

bool push_verbatim(const archive::archive_image& image, const push_options& options) {
    if (!image.layered)
        return true;
    if (!image.root)
        return false;
    for (const archive::layer_content& layer : image.layered->layers) {
        if (!layer.entry)
            continue;
        // A format is chosen for manifests that are built; it is no reason to build one.
        const auto treatment =
            treat_layer(layer.stored, options.layers, manifest_format::automatic);
        if (!treatment || !treatment->as_is())
            return false;
    }
    return true;
}

std::size_t plan_builder::repository_index(const repository& where) {
    const auto found = std::find(plan_.repositories.begin(), plan_.repositories.end(), where);
    if (found != plan_.repositories.end())
        return static_cast<std::size_t>(found - plan_.repositories.begin());
    plan_.repositories.push_back(where);
    return plan_.repositories.size() - 1;
}

std::size_t plan_builder::add_blob(const std::string& key, blob_job job, std::size_t repository) {
    const auto [known, fresh] = by_key_.emplace(key, plan_.blobs.size());
    if (fresh)
        plan_.blobs.push_back(std::move(job));
    auto& repositories = plan_.blobs[known->second].repositories;
    if (std::find(repositories.begin(), repositories.end(), repository) == repositories.end())
        repositories.push_back(repository);
    return known->second;
}

std::size_t plan_builder::add_tree_blob(const tree_blob& blob, std::size_t repository) {
    blob_job job;
    job.entry = blob.entry;
    job.bytes = blob.inline_bytes;
    job.known = blob.content.digest;
    job.stored_bytes = blob.content.size;
    job.identity = blob.content.digest.str();
    job.label = blob.content.digest.brief();
    return add_blob(blob.content.digest.str(), std::move(job), repository);
}

void plan_builder::add_verbatim(
    const image_target& target, image_tree tree, std::vector<image_tree> referrers) {
    image_job job;
    job.image = target.image;
    job.repository = repository_index(target.where);
    job.tags = target.tags;
    job.label = target.str();
    for (const tree_blob& blob : tree.blobs)
        job.blobs.emplace_back(add_tree_blob(blob, job.repository));
    for (const image_tree& referrer : referrers)
        for (const tree_blob& blob : referrer.blobs)
            job.blobs.emplace_back(add_tree_blob(blob, job.repository));
    job.tree = std::move(tree);
    job.referrers = std::move(referrers);
    plan_.images.push_back(std::move(job));
}

result<std::size_t> plan_builder::add_layer(
    const archive::layer_content& layer, const layer_treatment& treatment, std::size_t repository) {
    const archive::tar_entry& entry = contents_.entries.at(*layer.entry);
    blob_job job;
    job.entry = layer.entry;
    job.stored = layer.stored;
    job.treatment = treatment;
    job.stored_bytes = entry.size;
    job.label = layer.diff_id.brief();
    std::string key;
    if (!treatment.as_is()) {
        job.diff_id = layer.diff_id;
        key = concat(layer.diff_id.str(), " as ", form_name(treatment.form));
        job.identity = key;
    } else if (layer.stored == encoding::tar) {
        job.diff_id = layer.diff_id;
        job.known = layer.diff_id;
        key = layer.diff_id.str();
        job.identity = key;
    } else {
        const std::string_view hex = archive::hex_in_name(entry.name);
        if (!hex.empty())
            job.known = digest::parse(concat("sha256:", hex)).value();
        job.suggested = true;
        job.identity = job.known ? job.known->str() : std::string();
        key = concat("entry ", static_cast<std::uint32_t>(*layer.entry));
    }
    return add_blob(key, std::move(job), repository);
}

result<void>
plan_builder::add_built(const image_target& target, const archive::layered_image& image) {
    image_job job;
    job.image = target.image;
    job.repository = repository_index(target.where);
    job.tags = target.tags;
    job.label = target.str();
    job.built = &image;
    for (const archive::layer_content& layer : image.layers) {
        const auto treatment = treat_layer(layer.stored, options_.layers, options_.format);
        if (!treatment)
            return treatment.error();
        job.layer_treatments.push_back(*treatment);
    }
    blob_job config;
    config.bytes = image.config;
    config.known = image.config_digest;
    config.identity = image.config_digest.str();
    config.stored_bytes = image.config.size();
    config.label = concat("config ", image.config_digest.brief());
    job.blobs.emplace_back(add_blob(image.config_digest.str(), std::move(config), job.repository));
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
        if (!image.layers[i].entry) {
            job.blobs.emplace_back(std::nullopt);
            continue;
        }
        const auto blob = add_layer(image.layers[i], job.layer_treatments[i], job.repository);
        if (!blob)
            return blob.error();
        job.blobs.emplace_back(*blob);
    }
    plan_.images.push_back(std::move(job));
    return {};
}

push_plan plan_builder::finish() {
    // Largest first: the last blob to finish decides how long a push takes.
    std::vector<std::size_t> order(plan_.blobs.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return plan_.blobs[a].stored_bytes > plan_.blobs[b].stored_bytes;
    });
    std::vector<std::size_t> place(order.size());
    std::vector<blob_job> sorted;
    for (const std::size_t from : order) {
        place[from] = sorted.size();
        sorted.push_back(std::move(plan_.blobs[from]));
    }
    plan_.blobs = std::move(sorted);
    for (image_job& image : plan_.images)
        for (auto& blob : image.blobs)
            if (blob)
                blob = place[*blob];
    return std::move(plan_);
}

} // namespace tarpon::engine
