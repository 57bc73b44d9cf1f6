// See manifest_builder.hpp.
#include "registry/manifest_builder.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace tarpon::registry {
namespace {

namespace json = boost::json;

json::object to_json(const descriptor& content) {
    return {
        {"mediaType", content.media_type},
        {"digest", content.digest.str()},
        {"size", static_cast<std::int64_t>(content.size)},
    };
}

built_manifest finish(std::string_view type, const json::object& document) {
    built_manifest built;
    built.bytes = json::serialize(document);
    built.self = {std::string(type), digest_of(built.bytes), built.bytes.size()};
    return built;
}

} // namespace

std::string_view layer_media_type(layer_form form, manifest_format format) noexcept {
    const bool docker = format == manifest_format::docker;
    switch (form) {
    case layer_form::gzip:
        return docker ? media_type::docker_layer_gzip : media_type::oci_layer_gzip;
    case layer_form::zstd:
        return media_type::oci_layer_zstd; // Docker schema 2 has no such type
    case layer_form::plain:
        break;
    }
    return docker ? media_type::docker_layer : media_type::oci_layer;
}

built_manifest build_manifest(
    manifest_format format, const descriptor& config, const std::vector<descriptor>& layers) {
    const bool docker = format == manifest_format::docker;
    const std::string_view type = docker ? media_type::docker_manifest : media_type::oci_manifest;
    json::array all;
    for (const descriptor& layer : layers)
        all.push_back(to_json(layer));
    return finish(
        type, {
                  {"schemaVersion", 2},
                  {"mediaType", json::string_view(type.data(), type.size())},
                  {"config", to_json(config)},
                  {"layers", std::move(all)},
              });
}

built_manifest rewrite_index(
    const archive::manifest_document& index,
    const std::function<std::optional<descriptor>(const archive::oci_descriptor&)>& map) {
    json::object document = index.json;
    json::array kept;
    json::array& children = document.at("manifests").as_array();
    for (std::size_t i = 0; i < index.manifests.size(); ++i) {
        const auto now = map(index.manifests[i]);
        if (!now)
            continue;
        json::object child = children[i].as_object();
        child["digest"] = now->digest.str();
        child["size"] = static_cast<std::int64_t>(now->size);
        kept.push_back(std::move(child));
    }
    document["manifests"] = std::move(kept);
    document["mediaType"] = index.media_type;
    return finish(index.media_type, document);
}

} // namespace tarpon::registry
