// Events as JSON lines, as the command-line contract promises them: what `push --json` prints and
// PUT /push answers. Pure.
#pragma once

#include <tarpon/inspect.hpp>
#include <tarpon/migrate.hpp>
#include <tarpon/progress.hpp>
#include <tarpon/push.hpp>

#include <string>

namespace tarpon::engine {

// Each returns one line without its line feed; "schema" and "event" come first.
std::string start_json();
std::string to_json(const blob_event& event);
std::string to_json(const image_event& event);
std::string to_json(const plan_event& event);
std::string to_json(const failure_event& event);
std::string to_json(const retry_event& event);
std::string to_json(const push_summary& summary);
/// "plan", once for a whole migration, without a reference.
std::string to_json(const migrate_plan& plan);
/// "skipped": an earlier run did it.
std::string skipped_json(const migrated_image& image);
/// For the page only: a sample, not part of what a push promises to print.
std::string to_json(const progress_snapshot& now);
std::string to_json(const inspection& found);

} // namespace tarpon::engine
