// Which manifests refer to another one by `subject`, for registries that do not keep that list
// themselves: it is an image index under a tag made of the subject's digest.
//
// Source: distribution-spec v1.1, "Referrers Tag Schema".
#pragma once

#include "registry/registry_session.hpp"

#include <tarpon/descriptor.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::registry {

/// "sha256:ab…" -> "sha256-ab…", the parts cut to 32 and 64 characters.
std::string referrers_tag(const digest& subject);

/// The subject of a manifest or an index; nullopt if it has none, or if this is no manifest.
std::optional<descriptor> subject_of(const descriptor& self, std::string_view bytes);

/// `index` (empty: a new one) with the manifest among its entries: the same text if it is there
/// already. All other members stay. Errors: errc::registry_protocol (it is no image index).
result<std::string>
with_referrer(std::string_view index, const descriptor& self, std::string_view bytes);

/// Does the registry answer for the referrers of this manifest?
boost::asio::awaitable<bool>
has_referrers_api(registry_session& registry, std::string repository, digest subject);

/// Writes the manifest, which is in the repository, into the list of its subject; done if it has
/// none. One list at a time, and looked at again afterwards: others may write it too. Throws
/// `error`, before anything is overwritten that could not be read.
boost::asio::awaitable<void> list_referrer(
    registry_session& registry, std::string repository, descriptor self, std::string bytes);

} // namespace tarpon::registry
