// The digests that are being computed on the CPU pool, all of one run together: the pieces of each
// message in order, and of two messages at once where two have something to hash, which costs a
// quarter less (model/sha256.hpp).
//
// Pieces come from the I/O thread. Nobody waits for a digest but at the end of its message, so a
// piece waits for the piece of another message to be hashed with. It goes alone when too many of
// its message wait, when its message ends, when it holds too much of what a line for memory waits
// for, and at once when somebody cannot go on without it (a chunk, the end of the run, `hurry`).
#pragma once

#include "async/run_on.hpp"
#include "model/hasher.hpp"
#include "pipeline/buffer_pool.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <span>

namespace tarpon::pipeline {

class hash_queue {
public:
    /// `buffers`: whose leases the owners of pieces hold. Must outlive the queue.
    hash_queue(async::cpu_pool& workers, boost::asio::any_io_executor home, buffer_pool& buffers);
    ~hash_queue();
    hash_queue(const hash_queue&) = delete;
    hash_queue& operator=(const hash_queue&) = delete;

    struct message; ///< one digest being computed

    /// So many pieces of a message wait for another one's; measured in docs/performance.md.
    static constexpr std::size_t pieces_in_wait_default = 2;
    /// `pieces_in_wait_max`: fewer than its owner may have at a time, or they wait until there is
    /// nothing else to do.
    std::shared_ptr<message>
    begin(digest::algorithm algo, std::size_t pieces_in_wait_max = pieces_in_wait_default);
    /// `owner` keeps `bytes` alive and is let go on the I/O thread when they are hashed. The
    /// queue is bounded by the buffers the owners hold.
    void
    add(const std::shared_ptr<message>& to,
        std::span<const std::byte> bytes,
        std::shared_ptr<const void> owner);
    /// Waits for everything added. Once for each message.
    boost::asio::awaitable<digest> finish(std::shared_ptr<message> of);

    class hurry;

private:
    struct shared;
    void begin_job();
    /// `what(shared&)`, under its mutex; and a job for what is in a hurry then.
    template <class Change>
    void change(Change what);
    void memory_is_wanted(buffer_pool::want how);
    void begin_hurry();
    void end_hurry();

    buffer_pool& buffers_;
    std::shared_ptr<shared> shared_; ///< also of the jobs
};

/// As long as it lives, no piece waits for company: for a stream whose blocks are all alive, which
/// waits for one to go. Of the I/O thread.
class hash_queue::hurry {
public:
    explicit hurry(hash_queue& queue)
        : queue_(queue) {
        queue_.begin_hurry();
    }
    ~hurry() { queue_.end_hurry(); }
    hurry(const hurry&) = delete;
    hurry& operator=(const hurry&) = delete;

private:
    hash_queue& queue_;
};

} // namespace tarpon::pipeline
