// Which image goes where: the user's destination and the archive's names -> repositories and tags.
// Pure.
#pragma once

#include "archive/contents.hpp"
#include "registry/endpoint.hpp"

#include <tarpon/error.hpp>
#include <tarpon/options.hpp>

#include <compare>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::engine {

/// A repository of a registry.
struct repository {
    std::string host; ///< "docker.io", "localhost:5000"
    std::string path;
    registry::scheme_choice scheme = registry::scheme_choice::by_host;

    std::string str() const;
    friend auto operator<=>(const repository&, const repository&) = default;
};

/// An image that is in a registry already: its repository, and a tag or digest.
struct named_repository {
    repository where;
    std::string name;
};

/// As docker reads it: no host is docker.io, no tag is "latest". Errors: errc::usage.
result<named_repository> repository_of_reference(std::string_view text);

/// One image into one repository, under these tags; without tags by its digest only.
struct image_target {
    std::size_t image = 0; ///< index into archive_contents::images
    repository where;
    std::vector<std::string> tags;

    /// The first reference, for messages.
    std::string str() const;
};

/// An image that cannot be given a place.
struct unplaced_image {
    std::size_t image = 0;
    failure why;
    std::string reference = {}; ///< that it would have; empty: none
    std::string hint = {};      ///< for one without a name; empty: how to push it by itself
};

struct target_list {
    std::vector<image_target> targets;
    std::vector<unplaced_image> unplaced;
};

/// Where blobs of a pipe go before the names of their images are known: the first --to, or a
/// repository of its own in the registry (destination::staging). Errors: errc::usage.
result<repository> staging_repository(const destination& where);

/// Checks a destination before any archive is opened. Errors: errc::usage.
result<void> check_destination(const destination& where);

/// Errors: errc::usage (several images and none chosen; the message lists them).
result<target_list>
find_targets(const archive::archive_contents& contents, const destination& where);

/// Rewrites a repository path by the first rule that matches. Errors: errc::usage (bad regex).
result<std::string>
map_path(std::string_view path, const std::vector<std::pair<std::string, std::string>>& rules);

} // namespace tarpon::engine
