// The records of a PAX extended header ("LEN KEY=VALUE\n"), and what they say of the next entry.
#pragma once

#include <tarpon/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon::archive {

/// What an extended header overrides; absent members leave the header's own value.
struct pax_overrides {
    std::optional<std::string> path;
    std::optional<std::string> link_path;
    std::optional<std::uint64_t> size;
    bool sparse = false; ///< any GNU.sparse.* record
};

/// Every record must be well formed: a reader that skips what it does not understand sees other
/// entries than one that does not (CVE-2025-62518). Later records win; an empty value removes.
/// Errors: errc::archive_damaged.
/// Source: POSIX pax "pax Extended Header".
result<pax_overrides> parse_pax_records(std::string_view payload);

} // namespace tarpon::archive
