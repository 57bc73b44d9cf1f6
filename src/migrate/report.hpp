// A migration's report as a file that can be kept, mailed and audited.
//
// HTML is one self-contained page without scripts, for people; JSON has everything; CSV has one
// line an image. Every foreign text (names, errors) is escaped for the format.
#pragma once

#include <tarpon/migrate.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace tarpon::migration {

/// Errors: throws `error` of errc::usage when `path` ends in none of .html, .json and .csv, or
/// nothing can be written there. To be asked before a run starts.
void check_report_path(const std::string& path);

/// Writes the report in the format that the name says; all of it is there or none: it goes to a
/// temporary file beside, is synced, and renamed.
/// Errors: throws `error`: as check_report_path; errc::storage when it cannot be written.
void write_report(const migrate_report& report, const std::string& path);

/// Takes the pieces of a report, in order. Reports are never in memory as a whole.
using text_sink = std::function<void(std::string_view)>;

void write_html_report(const migrate_report& report, const text_sink& out);
/// One object: "schema":1, "report":"migrate", numbers in bytes and seconds.
void write_json_report(const migrate_report& report, const text_sink& out);
/// RFC 4180, UTF-8. Columns: reference, digest, archive, archive_sha256, status, error. A field
/// that a spreadsheet would take for a formula begins with an apostrophe.
void write_csv_report(const migrate_report& report, const text_sink& out);

/// "pushed", "unchanged", "skipped", "planned", "failed".
std::string_view to_string(migrated_image::outcome result) noexcept;

} // namespace tarpon::migration
