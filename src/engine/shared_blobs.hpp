// Blobs that several archives of one run need: one of them gets each into the registry, the others
// wait for it and mount it, or find it where they want it. Into one repository only one of them
// brings it at a time: docker-registry writes its link anew at every mount, and who reads it
// meanwhile (to check a manifest) finds it empty.
//
// Only for the I/O thread.
#pragma once

#include "async/condition.hpp"
#include "engine/blob_supply.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tarpon::engine {

class shared_blobs {
public:
    explicit shared_blobs(const boost::asio::any_io_executor& executor)
        : changed_(executor) {}
    shared_blobs(const shared_blobs&) = delete;
    shared_blobs& operator=(const shared_blobs&) = delete;

private:
    enum class state { absent, under_way, there };
    struct entry {
        state now = state::absent;
        blob_facts facts;
        std::set<std::string> repositories; ///< paths of the host; one at least where it is there
        std::set<std::string> coming;       ///< to these it is being brought from there
    };
    using key = std::pair<std::string, std::string>; // host, blob_job::identity

public:
    /// The turn of one archive at a blob. Move-only; at its end, without done(), the blob is as
    /// absent as before and the next one that waits has its turn.
    class turn {
    public:
        turn() = default;
        turn(turn&& other) noexcept;
        turn& operator=(turn&&) = delete;
        ~turn();

        /// Is the blob in the registry, so that nothing need be read?
        bool is_there() const noexcept { return at_ && !mine_; }
        const blob_facts& facts() const noexcept { return at_->second.facts; }
        /// A repository that has it. Only where it is there.
        const std::string& repository() const { return *at_->second.repositories.begin(); }
        bool is_in(const std::string& repository) const {
            return at_->second.repositories.contains(repository);
        }
        /// It is in this repository now.
        void done(const blob_facts& facts, const std::string& repository);

    private:
        friend class shared_blobs;
        turn(
            shared_blobs& in,
            std::pair<const key, entry>& at,
            bool mine,
            std::vector<std::string> brings)
            : in_(&in)
            , at_(&at)
            , mine_(mine)
            , brings_(std::move(brings)) {}

        shared_blobs* in_ = nullptr;
        std::pair<const key, entry>* at_ = nullptr;
        bool mine_ = false;
        std::vector<std::string> brings_;
    };

    /// For an archive that wants the blob in these repositories. Waits while another one is at it.
    /// Throws system_error(operation_aborted) when cancelled.
    boost::asio::awaitable<turn>
    take(std::string host, std::string identity, std::vector<std::string> wanted_in);

    /// For a plan that sends nothing: true the first time a blob is asked about.
    bool is_new(const std::string& host, const std::string& identity);

private:
    async::condition changed_;
    std::map<key, entry> entries_; // addresses stay
};

} // namespace tarpon::engine
