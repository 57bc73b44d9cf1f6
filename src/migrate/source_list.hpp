// Lists of archives as people and scripts write them: text -> archives and targets.
//
// A list has one archive a line, and after a blank its target. Quotes keep blanks in a name:
// "…" with \" and \\, or '…' as it stands. '#' at the start of a word begins a comment. Lines may
// end in CRLF.
//
// A mapping is YAML or JSON: a map of ARCHIVE: TARGET, ARCHIVE: [TARGET, …] or ARCHIVE: null, or a
// list of ARCHIVE and {archive: …, target: …} (or targets: […]). YAML is read as a stream of
// events: no tree is built, aliases are refused, so nothing can grow beyond the text.
#pragma once

#include <tarpon/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tarpon::migration {

struct listed_source {
    std::string archive; ///< as written
    std::string target;  ///< as written, not checked; empty: names come from the archive
    std::string where;   ///< "line 12", or "entry 3" of JSON
};

/// Entries of one list, in its order; an archive with several targets is there once for each.
/// Errors: errc::usage, the message begins with the place.
result<std::vector<listed_source>> parse_source_list(std::string_view text);
result<std::vector<listed_source>> parse_yaml_mapping(std::string_view text);
result<std::vector<listed_source>> parse_json_mapping(std::string_view text);

} // namespace tarpon::migration
