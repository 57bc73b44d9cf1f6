// Gets one blob of the plan into all its repositories.
#pragma once

#include "engine/blob_supply.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::engine {

/// Asks every repository first where the digest is known; then uploads once and mounts the rest.
/// A repository that does not mount gets it uploaded again.
/// Throws `error`; errc::archive_blob_missing when the blob is neither in the archive nor there.
boost::asio::awaitable<blob_facts>
push_blob(run_context& run, blob_supply& from, const push_plan& plan, const blob_job& job);

/// Dry run: is it in this repository?
boost::asio::awaitable<bool>
blob_is_there(run_context& run, const repository& where, const blob_job& job);

} // namespace tarpon::engine
