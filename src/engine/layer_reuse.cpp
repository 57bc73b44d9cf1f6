// See layer_reuse.hpp.
#include "engine/layer_reuse.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "registry/manifest_api.hpp"
#include "registry/manifest_builder.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

namespace tarpon::engine {

namespace asio = boost::asio;
using registry::layer_form;
using registry::layer_media_type;

namespace {

/// Of an index that is to be reused from; a bound on requests, not on what is sound.
constexpr std::size_t children_max = 16;

/// Docker's and OCI's names of one form are the same to us.
std::string oci_form(const std::string& media_type) {
    for (const layer_form form : {layer_form::plain, layer_form::gzip, layer_form::zstd})
        for (const manifest_format format : {manifest_format::oci, manifest_format::docker})
            if (media_type == layer_media_type(form, format))
                return std::string(layer_media_type(form, manifest_format::oci));
    return {};
}

asio::awaitable<std::optional<std::string>>
read_small_blob(run_context& run, repository where, descriptor content) {
    if (content.size > limits::image_config_bytes_max)
        co_return std::nullopt;
    auto source = co_await run.registry(where).read_blob(where.path, content.digest);
    std::string bytes(
        static_cast<std::size_t>(content.size) + 1, '\0'); // one more shows a longer one
    const std::size_t got =
        co_await read_full(*source, std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    bytes.resize(got);
    if (got != content.size || digest_of(bytes, content.digest.algo()) != content.digest)
        co_return std::nullopt;
    co_return bytes;
}

/// nullopt where there is none, or none that can be read.
asio::awaitable<std::optional<archive::manifest_document>>
read_document(run_context& run, repository where, std::string name) {
    const auto found = co_await registry::get_manifest(run.registry(where), where.path, name);
    if (!found)
        co_return std::nullopt;
    auto document = archive::parse_manifest(found->bytes, found->media_type);
    if (!document)
        co_return std::nullopt;
    co_return std::move(*document);
}

asio::awaitable<void>
learn_reference(run_context& run, repository where, std::string name, reusable_layers& into) {
    co_await run.registry(where).open();
    const auto document = co_await read_document(run, where, name);
    if (!document) {
        run.warn(concat("nothing to reuse: there is no image ", where.str(), " ", name));
        co_return;
    }
    if (!document->is_index) {
        co_await learn_image(run, where, *document, into);
        co_return;
    }
    const std::size_t children = std::min(document->manifests.size(), children_max);
    for (std::size_t i = 0; i < children; ++i) {
        const std::string child = document->manifests[i].digest.str();
        const auto image = co_await read_document(run, where, child);
        if (image && !image->is_index)
            co_await learn_image(run, where, *image, into);
    }
}

} // namespace

void reusable_layers::add(
    const repository& where,
    const archive::manifest_document& manifest,
    const archive::image_config& config) {
    if (manifest.layers.size() != config.diff_ids.size())
        return;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
        const auto& layer = manifest.layers[i];
        const std::string form = oci_form(layer.media_type);
        if (form.empty())
            continue;
        pushed_earlier one{where, {{{}, layer.digest, layer.size}, config.diff_ids[i]}};
        layers_[{config.diff_ids[i].str(), form}].push_back(std::move(one));
    }
}

std::vector<pushed_earlier> reusable_layers::find(const blob_job& job) const {
    if (!job.diff_id || !job.treatment.encode)
        return {};
    const std::string form(layer_media_type(job.treatment.form, manifest_format::oci));
    const auto found = layers_.find({job.diff_id->str(), form});
    return found == layers_.end() ? std::vector<pushed_earlier>() : found->second;
}

asio::awaitable<void> learn_image(
    run_context& run,
    repository where,
    archive::manifest_document manifest,
    reusable_layers& into) {
    std::optional<archive::image_config> config;
    try {
        const auto bytes = co_await read_small_blob(run, where, manifest.config);
        if (bytes) {
            const auto parsed = archive::parse_image_config(*bytes);
            if (parsed)
                config = *parsed;
        }
    } catch (const error&) {
        // The image that is there is only an opportunity; whatever is wrong with it, ours goes up.
        co_return;
    }
    if (config)
        into.add(where, manifest, *config);
}

asio::awaitable<void> learn_references(run_context& run, reusable_layers& into) {
    for (const std::string& text : run.options.reuse_from) {
        const named_repository from = repository_of_reference(text).value();
        std::optional<error> failed;
        try {
            co_await learn_reference(run, from.where, from.name, into);
        } catch (const error& e) {
            failed = e;
        }
        if (failed)
            run.warn(concat("nothing to reuse from ", text, ": ", failed->message()));
    }
}

} // namespace tarpon::engine
