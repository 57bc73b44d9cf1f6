// Request target -> what of the distribution API is meant. Pure.
#pragma once

#include <tarpon/digest.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::server {

enum class resource {
    api,           ///< /v2/
    catalog,       ///< /v2/_catalog
    blob,          ///< /v2/<name>/blobs/<digest>
    uploads,       ///< /v2/<name>/blobs/uploads/
    upload,        ///< /v2/<name>/blobs/uploads/<id>
    manifest,      ///< /v2/<name>/manifests/<reference>
    tags,          ///< /v2/<name>/tags/list
    referrers,     ///< /v2/<name>/referrers/<digest>
    unknown,       ///< nothing of ours: 404
    bad_name,      ///< the repository name is not legal: 400 NAME_INVALID
    bad_digest,    ///< 400 DIGEST_INVALID
    bad_reference, ///< neither a tag nor a digest: 400
};

struct route {
    server::resource resource = server::resource::unknown;
    std::string name;      ///< of the repository
    std::string reference; ///< tag, digest text or upload id
    tarpon::digest digest; ///< where the reference is one
    std::map<std::string, std::string> query;

    /// nullptr when absent.
    const std::string* query_value(const std::string& key) const;
};

route find_route(std::string_view target);

/// What stands behind a '?', in its order; nullopt for what cannot be decoded.
struct query_pair {
    std::optional<std::string> key, value;
};
std::vector<query_pair> query_pairs(std::string_view text);

/// "%41" -> "A"; nullopt for malformed escapes and for escaped control characters.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace tarpon::server
