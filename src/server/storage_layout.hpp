// Where everything lies in the folder of the embedded registry. Parts that begin with '_' cannot be
// parts of a repository name, so a repository may be below another one.
//
//   blobs/<algorithm>/<hex>                            content of blobs and manifests, once
//   repositories/<name>/_blobs/<algorithm>/<hex>       "this repository has it", holds the size
//   repositories/<name>/_manifests/<algorithm>/<hex>   "it is a manifest", holds the media type
//   repositories/<name>/_tags/<tag>                    holds the descriptor as JSON
//   repositories/<name>/_referrers/<subject>/<digest>  derived from a manifest with this subject
//   repositories/<name>/_released/<digest>             a manifest that nobody needs any more
//   uploads/<id>/                                      a session (upload_store.hpp)
//   trash/                                             content on its way out
//   index.json, oci-layout                             derived from the tags, for other OCI tools
//
// In <subject> and <digest> of the last two the colon of a digest is a '-'.
#pragma once

#include "server/files.hpp"

#include <tarpon/digest.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon::server {

std::string blob_path(const digest& content);
std::string repository_path(const std::string& repository);
std::string links_path(const std::string& repository);
std::string link_path(const std::string& repository, const digest& content);
std::string manifests_path(const std::string& repository);
std::string manifest_path(const std::string& repository, const digest& content);
std::string tags_path(const std::string& repository);
std::string tag_path(const std::string& repository, const std::string& tag);
std::string referrers_path(const std::string& repository, const digest& subject);
std::string
referrer_path(const std::string& repository, const digest& subject, const digest& referrer);
std::string released_path(const std::string& repository);
std::string released_path(const std::string& repository, const digest& content);

/// "sha256-ab…" -> sha256:ab…
std::optional<digest> digest_of_name(std::string_view name);

/// Every repository there is something of.
void for_each_repository(
    const folder& root, const std::function<void(const std::string& repository)>& use);
/// Every <algorithm>/<hex> below `where`; what is no digest is passed over.
void for_each_digest(
    const folder& root, const std::string& where, const std::function<void(const digest&)>& use);

} // namespace tarpon::server
