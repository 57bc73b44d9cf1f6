// What a migration is given -> the archives it is about, and where each goes.
//
// Blocking; for the CPU pool.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::migration {

struct archive_target {
    std::string archive; ///< path to open
    /// The same on every machine that is given the same sources, wherever each has them: the
    /// number of the source, and the path below it.
    std::string name;
    /// NAME[:TAG] below the registry, for the one image of the archive, without host or digest.
    /// Without a tag: the archive's, where it has a tag and no name (skopeo, oras), else latest.
    /// Empty: names come from the archive. Its syntax is checked.
    std::string target;
};

/// The archives behind `sources`, each of which is
///   a folder      files below it whose name is an archive's (is_archive_name), links followed,
///                 each folder once; hidden ones left out. A folder that is an OCI image layout
///                 is no archive: left out with a note, an error when named itself;
///   @LIST         see source_list.hpp: .yaml, .yml and .json are mappings, all else has one
///                 archive a line; "@-" is a list on standard input. Names are relative to the
///                 list. An entry without a target may be a folder or a glob too;
///   a glob        when there is no file of that name; what it finds counts as named;
///   anything else the archive itself, whatever its name, even if it is not there (whoever opens
///                 it says so, and the others go on).
///
/// Shape:  in the order of `sources`; within a folder or a glob by the bytes of the names. An
///         archive reached twice, also through links, is there once for each target. A target
///         given anywhere replaces the archive's own names.
/// Errors: throws `error`: errc::usage for a source without archives, a list that is wrong (list
///         and line), a target with a tag of two archives, more than limits::migrate_archives_max;
///         errc::archive_unreadable for a folder or list that cannot be read.
/// `notes` gets what was left out, for a warning. When `stop` is requested, a list that its writer
/// has not ended counts as ended: the caller does not want the outcome any more.
std::vector<archive_target> expand_sources(
    const std::vector<std::string>& sources,
    std::vector<std::string>* notes = nullptr,
    std::stop_token stop = {});

/// .tar, .oci, .tar.gz, .tgz, .tar.zst, .tzst, .tar.xz, .txz, .tar.bz2, .tbz2, .tbz, in any case.
bool is_archive_name(std::string_view file_name) noexcept;

} // namespace tarpon::migration
