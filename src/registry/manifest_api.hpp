// Manifests of a repository: look, fetch, put.
#pragma once

#include "registry/registry_session.hpp"

#include <tarpon/descriptor.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::registry {

struct remote_manifest {
    std::string media_type;
    tarpon::digest digest;
    std::string bytes; ///< empty when only looked at
};

/// The registry keeps a tag as it is, and says so. The tag may name the same manifest already.
class tag_is_immutable final : public error {
public:
    explicit tag_is_immutable(error refused)
        : error(std::move(refused)) {}
};

struct manifest_receipt {
    /// The registry lists the manifest among the referrers of its subject (OCI-Subject).
    bool lists_subject = false;
};

/// `name` is a tag or a digest. nullopt when it is not there (404, and 403 or 405 where registries
/// hide absence behind them).
boost::asio::awaitable<std::optional<remote_manifest>>
head_manifest(registry_session& registry, std::string repository, std::string name);

/// The same with its bytes, whose digest is computed here. nullopt also for bodies over
/// limits::manifest_bytes_max, and for those that may be cut: callers only want to know what they
/// could reuse.
boost::asio::awaitable<std::optional<remote_manifest>>
get_manifest(registry_session& registry, std::string repository, std::string name);

/// Throws errc::registry_manifest_rejected when the registry refuses the manifest itself,
/// tag_is_immutable, other codes as `refusal` says; errc::registry_protocol when it states another
/// digest than ours.
boost::asio::awaitable<manifest_receipt> put_manifest(
    registry_session& registry,
    std::string repository,
    std::string name,
    const descriptor& content,
    std::string bytes);

} // namespace tarpon::registry
