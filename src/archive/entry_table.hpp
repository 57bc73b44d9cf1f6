// All entries of an archive by name, and the rule by which a name in its metadata finds content.
#pragma once

#include "archive/tar_reader.hpp"

#include <tarpon/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tarpon::archive {

/// Index of a regular entry in its table.
enum class entry_id : std::uint32_t {};

class entry_table {
public:
    /// Entries whose name climbs above the root, folders and devices are left out (nullopt).
    std::optional<entry_id> add(tar_entry entry);

    /// The regular entry that `name` stands for: as stored, else with '\' read as '/' (Windows
    /// daemons), through at most limits::link_chain_max hard and symbolic links.
    /// Errors: errc::archive_blob_missing (not there, dangling or looping link, outside the
    /// archive), errc::archive_unsupported (sparse).
    result<entry_id> find(std::string_view name) const;
    bool contains(std::string_view name) const { return find(name).has_value(); }

    const tar_entry& at(entry_id id) const { return entries_[static_cast<std::size_t>(id)]; }
    std::size_t size() const noexcept { return entries_.size(); }
    const std::vector<tar_entry>& all() const noexcept { return entries_; }

    /// The other entries with the same name. Equal content is harmless (rules_oci repeats
    /// entries); whoever reads `id` must find the same digest in each of these.
    std::vector<entry_id> duplicates_of(entry_id id) const;

private:
    result<entry_id> find_exact(std::string_view name) const;

    std::vector<tar_entry> entries_;
    std::unordered_map<std::string, entry_id> by_name_; // first entry of the name
    std::unordered_multimap<std::string, entry_id> repeated_;
};

} // namespace tarpon::archive
