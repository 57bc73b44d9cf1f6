// Names of entries made comparable. Nothing is ever extracted, so a name is only a key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tarpon::archive {

/// "./a//b/../c" -> "a/c"; a leading '/' is dropped. nullopt when the name climbs above the root:
/// such a name must never satisfy a look-up.
std::optional<std::string> normalize_entry_name(std::string_view name);

/// The name a symlink entry points to: `target` relative to the folder of `link_name`.
std::optional<std::string> resolve_symlink(std::string_view link_name, std::string_view target);

} // namespace tarpon::archive
