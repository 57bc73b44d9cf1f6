// See targets.hpp.
#include "engine/targets.hpp"

#include "model/text.hpp"

#include <boost/regex.hpp>

#include <algorithm>
#include <map>

namespace tarpon::engine {
namespace {

using archive::archive_contents;
using archive::archive_image;

failure usage(std::string message) {
    return {errc::usage, std::move(message)};
}

/// A password may stand before '@', so the text is not repeated.
failure holds_userinfo(std::string_view option) {
    return usage(concat(option, ": what stands before '@' does not belong into an address"));
}

struct parsed_reference {
    repository where;
    std::string tag; ///< empty if none was given
    tarpon::digest digest;
};

/// A full reference, its scheme in front; a name without host is docker.io's, as everywhere else.
result<parsed_reference> parse_reference(std::string_view text) {
    std::string_view rest = text;
    const auto scheme = registry::take_scheme(rest);
    auto name = reference::parse(rest);
    if (!name)
        return name.error();
    const std::string host = name->host.empty() ? "docker.io" : name->host;
    return parsed_reference{
        {host, with_library(host, name->path), scheme}, name->tag, name->digest};
}

/// As given to --to.
result<parsed_reference> parse_to(std::string_view text) {
    auto parsed = parse_reference(text);
    if (parsed && !parsed->digest.empty())
        return usage(concat(
            "--to ", foreign_text(text), ": a digest cannot be chosen, only a name and a tag"));
    return parsed;
}

struct parsed_registry {
    std::string host;
    std::string prefix; ///< "" or "team/"
    registry::scheme_choice scheme;
};

result<parsed_registry> parse_registry(std::string_view text) {
    if (text.find('@') != text.npos)
        return holds_userinfo("--registry");
    std::string_view rest = text;
    const auto scheme = registry::take_scheme(rest);
    while (rest.ends_with('/'))
        rest.remove_suffix(1);
    const std::size_t slash = rest.find('/');
    parsed_registry parsed{std::string(rest.substr(0, slash)), {}, scheme};
    if (!is_host_port(parsed.host))
        return usage(concat("--registry: \"", foreign_text(parsed.host), "\" is not a host name"));
    if (parsed.host == "index.docker.io" || parsed.host == "registry-1.docker.io")
        parsed.host = "docker.io";
    if (slash != rest.npos) {
        const std::string_view prefix = rest.substr(slash + 1);
        if (const std::string why = explain_repository_path(prefix); !why.empty())
            return usage(concat("--registry ", foreign_text(text), ": ", why));
        parsed.prefix = concat(prefix, "/");
    }
    return parsed;
}

std::string list_images(const archive_contents& contents) {
    std::string list;
    for (std::size_t i = 0; i < contents.images.size(); ++i) {
        if (i == 20)
            return list + concat("\n  … and ", contents.images.size() - i, " more");
        list += concat("\n  @", i + 1, "  ", contents.images[i].label(i));
    }
    return list;
}

bool has_name(const archive_image& image, const reference& wanted) {
    return std::any_of(image.names.begin(), image.names.end(), [&](const reference& name) {
        const bool path =
            name.path == wanted.path && (wanted.host.empty() || wanted.host == name.host);
        return path && (wanted.tag.empty() || wanted.tag == name.tag);
    });
}

/// The image that --image names.
result<std::size_t> choose_image(const archive_contents& contents, const std::string& selector) {
    if (selector.starts_with('@')) {
        const auto index = parse_decimal(std::string_view(selector).substr(1));
        if (index && *index >= 1 && *index <= contents.images.size())
            return static_cast<std::size_t>(*index - 1);
        return usage(concat(
            "--image ", foreign_text(selector),
            ": there is no such image; the archive has these:", list_images(contents)));
    }
    const auto wanted = reference::parse(selector);
    if (!wanted)
        return usage(concat("--image: ", wanted.error().message));
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < contents.images.size(); ++i)
        if (has_name(contents.images[i], *wanted))
            found.push_back(i);
    if (found.size() == 1)
        return found.front();
    return usage(concat(
        "--image ", foreign_text(selector),
        found.empty() ? ": no such image" : ": more than one such image",
        "; the archive has:", list_images(contents)));
}

void add_target(
    target_list& list, std::size_t image, const repository& where, const std::string& tag) {
    auto same =
        std::find_if(list.targets.begin(), list.targets.end(), [&](const image_target& target) {
            return target.image == image && target.where == where;
        });
    if (same == list.targets.end()) {
        list.targets.push_back({image, where, {}});
        same = std::prev(list.targets.end());
    }
    if (!tag.empty() && std::find(same->tags.begin(), same->tags.end(), tag) == same->tags.end())
        same->tags.push_back(tag);
}

result<target_list> targets_of_to(const archive_contents& contents, const destination& where) {
    std::size_t image = 0;
    if (!where.image.empty()) {
        const auto chosen = choose_image(contents, where.image);
        if (!chosen)
            return chosen.error();
        image = *chosen;
    } else if (contents.images.size() > 1) {
        return usage(concat(
            "the archive has ", contents.images.size(),
            " images, and --to is for one: choose it with --image:", list_images(contents)));
    }
    target_list list;
    for (const std::string& text : where.to) {
        const auto to = parse_to(text);
        if (!to)
            return to.error();
        if (!to->tag.empty()) {
            add_target(list, image, to->where, to->tag);
            continue;
        }
        // Archives that hold only a tag (skopeo, oras) are to be combined with the user's name.
        bool bare = false;
        for (const reference& name : contents.images[image].names)
            if (name.path.empty()) {
                add_target(list, image, to->where, name.tag);
                bare = true;
            }
        if (!bare)
            add_target(list, image, to->where, "latest");
    }
    return list;
}

failure unnamed(const archive_image& image, std::size_t position) {
    const bool bare = !image.names.empty();
    return {
        errc::archive_unnamed,
        concat(image.label(position), bare ? " has a tag but no name" : " has no name")};
}

result<void> place_by_name(
    const archive_contents& contents,
    std::size_t position,
    const parsed_registry& registry,
    const destination& where,
    target_list& list) {
    const archive_image& image = contents.images[position];
    bool placed = false;
    for (const reference& name : image.names) {
        if (name.path.empty())
            continue;
        const auto path = map_path(name.path, where.map);
        if (!path)
            return path.error();
        const std::string full =
            registry.prefix.empty() ? with_library(registry.host, *path) : registry.prefix + *path;
        if (const std::string why = explain_repository_path(full); !why.empty()) {
            list.unplaced.push_back(
                {position, {errc::usage, concat("\"", full, "\" is not a repository: ", why)}});
            return {};
        }
        add_target(list, position, {registry.host, full, registry.scheme}, name.tag);
        placed = true;
    }
    if (!placed)
        list.unplaced.push_back({position, unnamed(image, position)});
    return {};
}

/// A name as a client of the server chooses it: below the registry, never in another one.
result<reference> parse_placed_name(const std::string& text) {
    auto name = reference::parse(text);
    if (!name)
        return name.error();
    if (!name->host.empty() || !name->digest.empty())
        return usage(concat(
            "\"", foreign_text(text),
            "\" must be a repository and a tag, without host and digest"));
    return name;
}

result<target_list>
targets_of_placements(const archive_contents& contents, const destination& where) {
    const auto registry = parse_registry(where.registry);
    if (!registry)
        return registry.error();
    target_list list;
    for (const placement& one : where.placements) {
        const auto image = choose_image(contents, one.image);
        if (!image)
            return image.error();
        const auto name = parse_placed_name(one.name);
        if (!name)
            return name.error();
        const std::string path = registry->prefix.empty() ? with_library(registry->host, name->path)
                                                          : registry->prefix + name->path;
        add_target(
            list, *image, {registry->host, path, registry->scheme},
            name->tag.empty() ? "latest" : name->tag);
    }
    return list;
}

result<target_list>
targets_of_registry(const archive_contents& contents, const destination& where) {
    const auto registry = parse_registry(where.registry);
    if (!registry)
        return registry.error();
    std::optional<std::size_t> only;
    if (!where.image.empty()) {
        const auto chosen = choose_image(contents, where.image);
        if (!chosen)
            return chosen.error();
        only = *chosen;
    }
    target_list list;
    for (std::size_t i = 0; i < contents.images.size(); ++i) {
        if (only && *only != i)
            continue;
        if (const auto placed = place_by_name(contents, i, *registry, where, list); !placed)
            return placed.error();
    }
    return list;
}

/// "@1, @3, @4 and 7 more", as --image and inspect count them.
std::string others(const std::vector<std::size_t>& images, std::size_t but) {
    constexpr std::size_t named_max = 3;
    std::string list;
    std::size_t named = 0;
    for (const std::size_t image : images)
        if (image != but && named < named_max)
            list += concat(named++ == 0 ? "@" : ", @", image + 1);
    return images.size() - 1 == named ? list
                                      : concat(list, " and ", images.size() - 1 - named, " more");
}

/// Two images under one name: nobody can say which is meant, so neither is pushed.
void refuse_shared_names(target_list& list) {
    std::map<std::pair<repository, std::string>, std::vector<std::size_t>> claims;
    for (const image_target& target : list.targets)
        for (const std::string& tag : target.tags)
            claims[{target.where, tag}].push_back(target.image);
    const auto known = [&list](std::size_t image) {
        return std::any_of(list.unplaced.begin(), list.unplaced.end(), [&](const auto& one) {
            return one.image == image;
        });
    };
    for (const auto& [name, images] : claims)
        for (const std::size_t image : images)
            if (images.size() > 1 && !known(image))
                list.unplaced.push_back(
                    {image,
                     {errc::archive_metadata,
                      concat(
                          "image @", image + 1, " of it would become ", name.first.str(), ":",
                          name.second, ", and so would ", others(images, image))}});
    std::erase_if(list.targets, [&](const image_target& target) { return known(target.image); });
}

} // namespace

result<named_repository> repository_of_reference(std::string_view text) {
    const auto parsed = parse_reference(text);
    if (!parsed)
        return parsed.error();
    named_repository found{parsed->where, "latest"};
    if (!parsed->tag.empty())
        found.name = parsed->tag;
    if (!parsed->digest.empty())
        found.name = parsed->digest.str();
    return found;
}

std::string repository::str() const {
    return concat(host, "/", path);
}

std::string image_target::str() const {
    return tags.empty() ? where.str() : concat(where.str(), ":", tags.front());
}

result<std::string>
map_path(std::string_view path, const std::vector<std::pair<std::string, std::string>>& rules) {
    for (const auto& [pattern, replacement] : rules) {
        try {
            // Boost.Regex keeps its state on the heap and gives up on exponential patterns.
            const boost::regex regex(pattern, boost::regex::ECMAScript);
            const std::string text(path);
            if (boost::regex_search(text, regex))
                return boost::regex_replace(text, regex, replacement);
        } catch (const std::runtime_error& e) {
            return usage(concat("--map ", foreign_text(pattern), ": ", foreign_text(e.what())));
        }
    }
    return std::string(path);
}

result<repository> staging_repository(const destination& where) {
    if (!where.to.empty()) {
        const auto to = parse_to(where.to.front());
        if (!to)
            return to.error();
        return to->where;
    }
    const auto registry = parse_registry(where.registry);
    if (!registry)
        return registry.error();
    if (where.staging.find('@') != std::string::npos)
        return holds_userinfo("--staging");
    const std::string path =
        where.staging.empty() ? concat(registry->prefix, "tarpon-staging") : where.staging;
    if (const std::string why = explain_repository_path(path); !why.empty())
        return usage(concat("--staging ", foreign_text(path), ": ", why));
    return repository{registry->host, path, registry->scheme};
}

result<void> check_destination(const destination& where) {
    if (where.registry.empty() && where.to.empty())
        return usage("where to? give --registry HOST[:PORT][/PREFIX] or --to REPOSITORY[:TAG]");
    if (!where.registry.empty() && !where.to.empty())
        return usage("--registry and --to cannot be used together");
    if (!where.to.empty() && !where.map.empty())
        return usage("--map goes with --registry, not with --to");
    for (const placement& one : where.placements)
        if (const auto name = parse_placed_name(one.name); !name)
            return name.error();
    if (!where.registry.empty())
        if (const auto registry = parse_registry(where.registry); !registry)
            return registry.error();
    for (const std::string& text : where.to)
        if (const auto to = parse_to(text); !to)
            return failure{errc::usage, concat("--to: ", to.error().message)};
    if (const auto mapped = map_path("x", where.map); !mapped)
        return mapped.error();
    if (const auto staging = staging_repository(where); !staging)
        return staging.error();
    return {};
}

result<target_list> find_targets(const archive_contents& contents, const destination& where) {
    auto list = !where.to.empty()          ? targets_of_to(contents, where)
                : where.placements.empty() ? targets_of_registry(contents, where)
                                           : targets_of_placements(contents, where);
    if (list)
        refuse_shared_names(*list);
    return list;
}

} // namespace tarpon::engine
