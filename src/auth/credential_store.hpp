// Keeps credentials as `docker login` does: in a helper where one is configured, else in the file.
// Blocking.
#pragma once

#include "auth/credentials.hpp"

#include <tarpon/error.hpp>

#include <string>

namespace tarpon::auth {

/// Where credentials went to or were, for people: "helper pass", "/root/.docker/config.json".
using stored_place = std::string;

/// `file` is in docker's format; it is made (0600, its folder 0700) or replaced in one step, and
/// everything in it that is not about `host` stays. A symbolic link is followed, not replaced.
/// Throws `error`: errc::usage (the file cannot be used), errc::registry_unauthorized (the helper
/// failed).
stored_place
store_credentials(const std::string& file, const std::string& host, const credentials& secret);

/// Not having any is fine; returns an empty place then. Throws as above.
stored_place remove_credentials(const std::string& file, const std::string& host);

} // namespace tarpon::auth
