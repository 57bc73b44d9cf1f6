// See docker_manifest.hpp.
#include "archive/docker_manifest.hpp"

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

result<std::vector<std::string>>
read_strings(const json::object& item, std::string_view key, std::size_t count_max) {
    const auto array = array_member(item, key);
    if (!array)
        return array.error();
    std::vector<std::string> found;
    if (!*array)
        return found;
    if ((*array)->size() > count_max)
        return failure{
            errc::archive_limit,
            concat((*array)->size(), " ", key, " in one image, over ", count_max)};
    for (const json::value& value : **array) {
        if (!value.is_string())
            return invalid(concat("a value in \"", key, "\" is not a string"));
        found.emplace_back(value.get_string());
    }
    return found;
}

result<std::map<digest, descriptor>> read_foreign_sources(const json::object& item) {
    const auto sources = object_member(item, "LayerSources");
    if (!sources)
        return sources.error();
    std::map<digest, descriptor> foreign;
    if (!*sources)
        return foreign;
    for (const auto& [key, value] : **sources) {
        const auto diff_id = digest::parse(std::string_view(key));
        if (!diff_id || !value.is_object())
            return invalid("\"LayerSources\" is not a map from digests to descriptors");
        const json::object& source = value.get_object();
        const auto type = string_member(source, "mediaType");
        const auto content = digest_member(source, "digest");
        const auto size = size_member(source, "size");
        const auto urls = array_member(source, "urls");
        if (!type || !content || !size || !urls)
            return invalid("a descriptor in \"LayerSources\" is not valid");
        const bool elsewhere = *urls && !(*urls)->empty();
        if (elsewhere && *type && *content && *size && media_type::is_foreign(**type))
            foreign.emplace(*diff_id, descriptor{**type, **content, **size});
    }
    return foreign;
}

result<docker_item> read_item(const json::value& value) {
    if (!value.is_object())
        return invalid("an image is not an object");
    const json::object& object = value.get_object();
    const auto other =
        key_with_other_case(object, {"Config", "RepoTags", "Layers", "LayerSources"});
    if (!other.empty())
        return invalid(concat("the key \"", foreign_text(other), "\" is in unusual case"));
    docker_item item;
    auto config = string_member(object, "Config");
    if (!config)
        return config.error();
    if (!*config || (*config)->empty())
        return invalid("an image has no \"Config\"");
    item.config = std::move(**config);
    auto tags = read_strings(object, "RepoTags", limits::names_per_archive_max);
    if (!tags)
        return tags.error();
    item.repo_tags = std::move(*tags);
    auto layers = read_strings(object, "Layers", limits::layers_per_manifest_max);
    if (!layers)
        return layers.error();
    item.layers = std::move(*layers);
    auto foreign = read_foreign_sources(object);
    if (!foreign)
        return foreign.error();
    item.foreign_sources = std::move(*foreign);
    return item;
}

} // namespace

result<std::vector<docker_item>> parse_docker_manifest(std::string_view text) {
    const auto value = parse_strict_json(text);
    if (!value)
        return value.error();
    if (!value->is_array())
        return invalid("an array of images is expected");
    const json::array& array = value->get_array();
    if (array.size() > limits::images_per_archive_max)
        return failure{
            errc::archive_limit, concat(
                                     array.size(), " images, over ", limits::images_per_archive_max,
                                     " (images_per_archive_max)")};
    std::vector<docker_item> items;
    for (const json::value& one : array) {
        auto item = read_item(one);
        if (!item)
            return item.error();
        items.push_back(std::move(*item));
    }
    return items;
}

} // namespace tarpon::archive
