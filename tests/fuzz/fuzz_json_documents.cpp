// JSON from strangers, through every parser that reads it: what is accepted keeps its promises.
#include "archive/docker_manifest.hpp"
#include "archive/oci_document.hpp"
#include "fuzz.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/strict_json.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/serialize.hpp>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
namespace json = boost::json;

/// Numbers with a fraction need not come back to the last bit; all else does.
bool has_fraction(const json::value& value) {
    if (value.is_double())
        return true;
    if (value.is_array()) {
        for (const json::value& one : value.get_array())
            if (has_fraction(one))
                return true;
    } else if (value.is_object()) {
        for (const auto& member : value.get_object())
            if (has_fraction(member.value()))
                return true;
    }
    return false;
}

void check_strict(std::string_view text) {
    const auto value = parse_strict_json(text);
    if (!value)
        return;
    const std::string printed = json::serialize(*value);
    const auto again = parse_strict_json(printed);
    check(again.has_value(), "what is printed can be parsed");
    check(has_fraction(*value) || *again == *value, "and is the same");
}

void check_descriptor(const archive::oci_descriptor& one) {
    check(media_type::is_well_formed(one.media_type), "media types are fit for a header");
    check(!one.digest.empty(), "a descriptor has a digest");
    check(!(one.size >> 63), "sizes fit a signed number");
    if (one.data) {
        check(one.data->size() == one.size, "inline data has the stated size");
        check(digest_of(*one.data, one.digest.algo()) == one.digest, "and the stated digest");
    }
}

void check_manifest(std::string_view text) {
    const auto document = archive::parse_manifest(text, {});
    if (!document)
        return;
    check(!document->media_type.empty(), "a manifest has a type");
    check(document->is_index == media_type::is_index(document->media_type), "of its kind");
    for (const auto& layer : document->layers)
        check_descriptor(layer);
    for (const auto& child : document->manifests)
        check_descriptor(child);
    check(document->layers.size() <= limits::layers_per_manifest_max, "layers are bounded");
    if (document->is_index)
        check(document->layers.empty() && document->config.digest.empty(), "only an index");
    else
        check_descriptor(document->config);
    check(document->is_index || document->manifests.empty(), "only an image");
    const auto typed = archive::parse_manifest(text, document->media_type);
    check(typed.has_value(), "it is accepted under the type it was found to have");
    const auto wrong = archive::parse_manifest(
        text, document->is_index ? media_type::oci_manifest : media_type::oci_index);
    check(!wrong.has_value(), "and not as the other kind");
}

void check_docker_manifest(std::string_view text) {
    const auto items = archive::parse_docker_manifest(text);
    if (!items)
        return;
    check(items->size() <= limits::images_per_archive_max, "images are bounded");
    for (const archive::docker_item& item : *items) {
        check(!item.config.empty(), "an item has a config");
        check(item.layers.size() <= limits::layers_per_manifest_max, "layers are bounded");
        for (const auto& [diff_id, source] : item.foreign_sources)
            check(media_type::is_foreign(source.media_type), "only foreign sources are kept");
    }
}

void check_image_config(std::string_view text) {
    const auto config = archive::parse_image_config(text);
    if (!config)
        return;
    check(config->diff_ids.size() <= limits::layers_per_manifest_max, "diff_ids are bounded");
    for (const digest& diff_id : config->diff_ids)
        check(!diff_id.empty(), "every diff_id is a digest");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(data, size);
    check_strict(text);
    check_manifest(text);
    check_docker_manifest(text);
    check_image_config(text);
    return 0;
}
