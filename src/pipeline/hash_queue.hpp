// The digests that are being computed on the CPU pool, all of one run together: the pieces of each
// message in order, and of two messages at once where two have something to hash, which costs a
// quarter less (model/sha256.hpp).
//
// Pieces come from the I/O thread. A job on the pool takes whatever waits when its turn comes: the
// busier the pool, the more waits, the more goes in pairs; an idle pool delays nothing.
#pragma once

#include "async/run_on.hpp"
#include "model/hasher.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <span>

namespace tarpon::pipeline {

class hash_queue {
public:
    hash_queue(async::cpu_pool& workers, boost::asio::any_io_executor home);
    ~hash_queue();
    hash_queue(const hash_queue&) = delete;
    hash_queue& operator=(const hash_queue&) = delete;

    struct message; ///< one digest being computed

    std::shared_ptr<message> begin(digest::algorithm algo);
    /// `owner` keeps `bytes` alive and is let go on the I/O thread when they are hashed. The
    /// queue is bounded by the buffers the owners hold.
    void
    add(const std::shared_ptr<message>& to,
        std::span<const std::byte> bytes,
        std::shared_ptr<const void> owner);
    /// Waits for everything added. Once for each message.
    boost::asio::awaitable<digest> finish(std::shared_ptr<message> of);

private:
    struct shared;
    std::shared_ptr<shared> shared_; ///< also of the jobs
};

} // namespace tarpon::pipeline
