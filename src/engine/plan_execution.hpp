// From the contents of an archive to its last tag: plan, ask, upload, publish.
#pragma once

#include "archive/contents.hpp"
#include "engine/blob_supply.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// Images that fail are reported through `run`; the others go on. Throws what concerns the archive
/// or the registry as a whole, and operation_aborted. `name` is the archive's, for messages.
boost::asio::awaitable<void> execute_plan(
    run_context& run,
    const std::string& name,
    const archive::archive_contents& contents,
    blob_supply& supply,
    target_list targets);

} // namespace tarpon::engine
