// What earlier runs remember (state_store), in the engine's words: layers that need not be
// compressed again, repositories to mount from, uploads to go on with. Every call runs on a worker,
// because the store may wait for a disk.
#pragma once

#include "async/run_on.hpp"
#include "engine/push_plan.hpp"
#include "registry/upload_record.hpp"
#include "state/state_store.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tarpon::engine {

class push_memory {
public:
    /// `workers` must outlive it.
    push_memory(async::cpu_pool& workers, std::shared_ptr<state::state_store> store)
        : workers_(workers)
        , store_(std::move(store)) {}

    /// What was wrong with the store, in words.
    std::string trouble() const { return store_->trouble(); }

    /// What the job's layer became under these options, if it was compressed before. Whether a
    /// registry has it has to be asked.
    boost::asio::awaitable<std::optional<descriptor>>
    find_layer(const blob_job& job, const push_options& options);
    /// A repository of the same host, other than `target`, that had the blob.
    boost::asio::awaitable<std::optional<std::string>> place_of(repository target, digest content);
    /// The blob is in these repositories now.
    boost::asio::awaitable<void> remember(std::vector<repository> places, descriptor content);
    /// The job's layer became this, made from its plain bytes by this process; other repositories
    /// will believe it.
    boost::asio::awaitable<void>
    remember_layer(const blob_job& job, const push_options& options, descriptor content);
    /// nullptr where beginning anew is cheap, or the bytes cannot be named before they are read.
    std::unique_ptr<registry::upload_record>
    record(const blob_job& job, const push_options& options, const repository& target);

private:
    async::cpu_pool& workers_;
    std::shared_ptr<state::state_store> store_;
};

} // namespace tarpon::engine
