// See oci_document.hpp.
#include "archive/oci_document.hpp"

#include "model/base64.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <boost/json/array.hpp>

namespace tarpon::archive {
namespace {

namespace json = boost::json;

failure invalid(std::string_view why) {
    return {errc::archive_metadata, std::string(why)};
}

/// Sets `into` to the member's string, or leaves it empty.
result<void> read_string(const json::object& object, std::string_view key, std::string& into) {
    auto text = string_member(object, key);
    if (!text)
        return text.error();
    into = std::move(*text).value_or(std::string());
    return {};
}

result<std::optional<platform>> read_platform(const json::object& descriptor) {
    const auto object = object_member(descriptor, "platform");
    if (!object)
        return object.error();
    if (!*object)
        return std::optional<platform>();
    platform found;
    for (auto [key, into] :
         {std::pair{"os", &found.os},
          {"architecture", &found.architecture},
          {"variant", &found.variant}})
        if (const auto read = read_string(**object, key, *into); !read)
            return read.error();
    return std::optional<platform>(std::move(found));
}

result<std::map<std::string, std::string>> read_annotations(const json::object& object) {
    const auto member = object_member(object, "annotations");
    if (!member)
        return member.error();
    std::map<std::string, std::string> annotations;
    if (*member)
        for (const auto& [key, value] : **member) {
            if (!value.is_string())
                return invalid("an annotation is not a string");
            annotations.emplace(std::string(key), std::string(value.get_string()));
        }
    return annotations;
}

/// Inline content counts only if it is what the descriptor says.
result<std::optional<std::string>> read_data(const json::object& object, const descriptor& of) {
    const auto text = string_member(object, "data");
    if (!text)
        return text.error();
    if (!*text)
        return std::optional<std::string>();
    auto bytes = base64_decode(**text);
    if (!bytes || bytes->size() != of.size || digest_of(*bytes, of.digest.algo()) != of.digest)
        return invalid("a descriptor's inline data does not match its digest");
    return std::optional<std::string>(std::move(*bytes));
}

result<descriptor> read_core(const json::object& object) {
    if (const auto other = key_with_other_case(object, {"mediaType", "digest", "size"});
        !other.empty())
        return invalid(
            concat("a descriptor has the key \"", foreign_text(other), "\" in unusual case"));
    descriptor core;
    const auto type = string_member(object, "mediaType");
    const auto size = size_member(object, "size");
    const auto content = digest_member(object, "digest");
    if (!type)
        return type.error();
    if (!size)
        return size.error();
    if (!content)
        return content.error();
    if (!*type || !*size || !*content)
        return invalid("a descriptor lacks mediaType, digest or size");
    if (!media_type::is_well_formed(**type))
        return invalid(concat("\"", foreign_text(**type, 80), "\" is not a media type"));
    return descriptor{**type, **content, **size};
}

result<oci_descriptor> read_descriptor(const json::value& value) {
    if (!value.is_object())
        return invalid("a descriptor is not an object");
    const json::object& object = value.get_object();
    auto core = read_core(object);
    if (!core)
        return core.error();
    oci_descriptor found;
    static_cast<descriptor&>(found) = std::move(*core);
    auto where = read_platform(object);
    if (!where)
        return where.error();
    found.platform = std::move(*where);
    auto annotations = read_annotations(object);
    if (!annotations)
        return annotations.error();
    found.annotations = std::move(*annotations);
    if (const auto read = read_string(object, "artifactType", found.artifact_type); !read)
        return read.error();
    auto data = read_data(object, found);
    if (!data)
        return data.error();
    found.data = std::move(*data);
    return found;
}

result<std::vector<oci_descriptor>>
read_descriptors(const json::object& object, std::string_view key, std::size_t count_max) {
    const auto array = array_member(object, key);
    if (!array)
        return array.error();
    std::vector<oci_descriptor> found;
    if (!*array)
        return found;
    if ((*array)->size() > count_max)
        return failure{
            errc::archive_limit,
            concat((*array)->size(), " ", key, " in one document, over ", count_max)};
    for (const json::value& value : **array) {
        auto one = read_descriptor(value);
        if (!one)
            return one.error();
        found.push_back(std::move(*one));
    }
    return found;
}

result<std::string> agreed_media_type(const json::object& object, std::string_view expected) {
    const auto stated = string_member(object, "mediaType");
    if (!stated)
        return stated.error();
    if (*stated && !expected.empty() && **stated != expected)
        return invalid(concat(
            "its mediaType \"", foreign_text(**stated, 80),
            "\" is not the one its descriptor gives, \"", expected, "\""));
    if (*stated)
        return **stated;
    if (!expected.empty())
        return std::string(expected);
    return std::string(
        object.contains("manifests") ? media_type::oci_index : media_type::oci_manifest);
}

result<void> check_shape(const json::object& object) {
    const auto other = key_with_other_case(
        object, {"schemaVersion", "mediaType", "config", "layers", "manifests", "subject"});
    if (!other.empty())
        return invalid(concat("the key \"", foreign_text(other), "\" is in unusual case"));
    const auto version = size_member(object, "schemaVersion");
    if (!version)
        return version.error();
    if (*version != 2u)
        return invalid("schemaVersion is not 2");
    const bool image = object.contains("layers") || object.contains("config");
    if (image && object.contains("manifests"))
        return invalid("it is an image manifest and an index at once");
    return {};
}

result<void> read_subject(const json::object& object, manifest_document& document) {
    const auto subject = object_member(object, "subject");
    if (!subject)
        return subject.error();
    if (!*subject)
        return {};
    auto core = read_core(**subject);
    if (!core)
        return core.error();
    document.subject = std::move(*core);
    return {};
}

result<void> read_image(const json::object& object, manifest_document& document) {
    const auto config = object_member(object, "config");
    if (!config)
        return config.error();
    if (!*config)
        return invalid("an image manifest without config");
    auto described = read_descriptor(**config);
    if (!described)
        return described.error();
    document.config = std::move(*described);
    auto layers = read_descriptors(object, "layers", limits::layers_per_manifest_max);
    if (!layers)
        return layers.error();
    document.layers = std::move(*layers);
    return {};
}

result<void> read_index(const json::object& object, manifest_document& document) {
    document.is_index = true;
    if (object.contains("layers") || object.contains("config"))
        return invalid("it is an index by its type and an image manifest by its content");
    auto manifests = read_descriptors(object, "manifests", limits::manifest_nodes_max);
    if (!manifests)
        return manifests.error();
    document.manifests = std::move(*manifests);
    return {};
}

} // namespace

std::string platform::str() const {
    std::string text = concat(os, '/', architecture);
    if (!variant.empty())
        text += concat('/', variant);
    return text;
}

result<manifest_document> parse_manifest(std::string_view text, std::string_view expected_type) {
    auto object = parse_strict_object(text);
    if (!object)
        return object.error();
    if (const auto shape = check_shape(*object); !shape)
        return shape.error();
    manifest_document document;
    auto type = agreed_media_type(*object, expected_type);
    if (!type)
        return type.error();
    document.media_type = std::move(*type);
    const bool index = media_type::is_index(document.media_type);
    if (!index && !media_type::is_manifest(document.media_type))
        return invalid(
            concat("\"", foreign_text(document.media_type, 80), "\" is no manifest type"));
    const auto body = index ? read_index(*object, document) : read_image(*object, document);
    if (!body)
        return body.error();
    if (const auto subject = read_subject(*object, document); !subject)
        return subject.error();
    if (const auto read = read_string(*object, "artifactType", document.artifact_type); !read)
        return read.error();
    document.json = std::move(*object);
    return document;
}

result<image_config> parse_image_config(std::string_view text) {
    auto object = parse_strict_object(text);
    if (!object)
        return object.error();
    const auto rootfs = object_member(*object, "rootfs");
    if (!rootfs)
        return rootfs.error();
    if (!*rootfs)
        return invalid("the image config has no rootfs");
    const auto diff_ids = array_member(**rootfs, "diff_ids");
    if (!diff_ids)
        return diff_ids.error();
    image_config config;
    if (*diff_ids) {
        if ((*diff_ids)->size() > limits::layers_per_manifest_max)
            return failure{
                errc::archive_limit,
                concat(
                    (*diff_ids)->size(), " layers in one image, over ",
                    limits::layers_per_manifest_max, " (layers_per_manifest_max)")};
        for (const json::value& value : **diff_ids) {
            const auto parsed = value.is_string()
                                    ? digest::parse(std::string_view(value.get_string()))
                                    : result<digest>(invalid("not a string"));
            if (!parsed)
                return invalid("a diff_id of the image config is not a digest");
            config.diff_ids.push_back(*parsed);
        }
    }
    for (auto [key, into] :
         {std::pair{"os", &config.platform.os},
          {"architecture", &config.platform.architecture},
          {"variant", &config.platform.variant},
          {"created", &config.created}})
        if (const auto read = read_string(*object, key, *into); !read)
            return read.error();
    return config;
}

} // namespace tarpon::archive
