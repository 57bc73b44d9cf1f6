// Gets one blob of the plan into all its repositories.
#pragma once

#include "engine/blob_supply.hpp"
#include "engine/layer_reuse.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <vector>

namespace tarpon::engine {

struct blob_outcome {
    blob_facts facts;
    /// Targets that do not have it, and why: what a registry refuses in one repository is no reason
    /// to leave it out of another.
    std::map<std::size_t, error> refused;
};

/// Asks every repository first where the digest is known; then uploads once and mounts the rest.
/// A repository that does not mount gets it uploaded again. A layer that is among `reusable` ones,
/// and still there, is not read. `targets` are those of the job's
/// repositories (by their index in the plan) that still want it.
/// Throws `error` for what is wrong with the blob itself.
boost::asio::awaitable<blob_outcome> push_blob(
    run_context& run,
    blob_supply& from,
    const push_plan& plan,
    const blob_job& job,
    std::vector<std::size_t> targets,
    const reusable_layers& reusable);

/// Dry run: is it in this repository, under the digest it has or one that is reusable?
boost::asio::awaitable<bool> blob_is_there(
    run_context& run,
    const repository& where,
    const blob_job& job,
    const reusable_layers& reusable);

} // namespace tarpon::engine
