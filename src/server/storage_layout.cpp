// See storage_layout.hpp.
#include "server/storage_layout.hpp"

#include "model/text.hpp"

namespace tarpon::server {
namespace {

constexpr std::string_view repositories = "repositories";

std::string below_algorithm(const digest& content) {
    return concat(content.algo_name(), "/", content.hex());
}

/// A digest as one part of a path.
std::string name_of(const digest& content) {
    return concat(content.algo_name(), "-", content.hex());
}

void walk(
    const folder& root,
    const std::string& where,
    const std::function<void(const std::string&)>& use) {
    bool is_repository = false;
    for (const folder::entry& child : root.list(where)) {
        if (!child.is_folder)
            continue;
        if (child.name.starts_with('_'))
            is_repository = true;
        else
            walk(root, concat(where, "/", child.name), use);
    }
    if (is_repository && where.size() > repositories.size())
        use(where.substr(repositories.size() + 1));
}

} // namespace

std::string blob_path(const digest& content) {
    return concat("blobs/", below_algorithm(content));
}

std::string repository_path(const std::string& repository) {
    return concat(repositories, "/", repository);
}

std::string links_path(const std::string& repository) {
    return concat(repository_path(repository), "/_blobs");
}

std::string link_path(const std::string& repository, const digest& content) {
    return concat(links_path(repository), "/", below_algorithm(content));
}

std::string manifests_path(const std::string& repository) {
    return concat(repository_path(repository), "/_manifests");
}

std::string manifest_path(const std::string& repository, const digest& content) {
    return concat(manifests_path(repository), "/", below_algorithm(content));
}

std::string tags_path(const std::string& repository) {
    return concat(repository_path(repository), "/_tags");
}

std::string tag_path(const std::string& repository, const std::string& tag) {
    return concat(tags_path(repository), "/", tag);
}

std::string referrers_path(const std::string& repository, const digest& subject) {
    return concat(repository_path(repository), "/_referrers/", name_of(subject));
}

std::string
referrer_path(const std::string& repository, const digest& subject, const digest& referrer) {
    return concat(referrers_path(repository, subject), "/", name_of(referrer));
}

std::string released_path(const std::string& repository) {
    return concat(repository_path(repository), "/_released");
}

std::string released_path(const std::string& repository, const digest& content) {
    return concat(released_path(repository), "/", name_of(content));
}

std::optional<digest> digest_of_name(std::string_view name) {
    const std::size_t dash = name.find('-');
    if (dash == name.npos)
        return std::nullopt;
    const auto content = digest::parse(concat(name.substr(0, dash), ":", name.substr(dash + 1)));
    return content ? std::optional(*content) : std::nullopt;
}

void for_each_repository(
    const folder& root, const std::function<void(const std::string& repository)>& use) {
    walk(root, std::string(repositories), use);
}

void for_each_digest(
    const folder& root, const std::string& where, const std::function<void(const digest&)>& use) {
    for (const folder::entry& algorithm : root.list(where)) {
        if (!algorithm.is_folder)
            continue;
        for (const folder::entry& one : root.list(concat(where, "/", algorithm.name)))
            if (const auto content = digest::parse(concat(algorithm.name, ":", one.name)))
                use(*content);
    }
}

} // namespace tarpon::server
