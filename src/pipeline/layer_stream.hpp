// One blob on its way from the archive to the registry, in a single pass.
//
//   source --read--> block --+--> hash of the plain bytes (diff_id)      in order
//                            +--> encode, several blocks at a time       any order
//                                   \--> sent, and hashed (digest)       in order
//
// Two ways to drive it. Pulled (files): each next() first reads ahead until `window` blocks are
// alive (being read, encoded, sent, hashed, or waiting for it), so the CPU pool works while the
// sender waits for the socket, and a slow socket stops the reading. Fed (pipes): feed() reads as
// far as the shared memory lets it, whatever the sender does, so that the rest of the archive can
// be read while this blob is still on its way. A block is acquired whole, input and output
// together, so the oldest block of a stream can always be finished: streams cannot starve each
// other for ever.
#pragma once

#include "async/condition.hpp"
#include "async/run_on.hpp"
#include "model/byte_stream.hpp"
#include "pipeline/block_codec.hpp"
#include "pipeline/buffer_pool.hpp"
#include "pipeline/hash_queue.hpp"

#include <tarpon/digest.hpp>

#include <deque>
#include <memory>
#include <optional>

namespace tarpon::pipeline {

/// What every stream of a run shares.
struct workshop {
    async::cpu_pool& workers;
    buffer_pool& buffers;
    hash_queue& hashes;
    boost::asio::any_io_executor home; ///< the I/O thread
    std::size_t window;                ///< most blocks of one stream alive at a time; some more of
                                       ///< one that goes as it is
};

/// Of one block: history, input and output.
std::size_t block_room(const block_codec& codec);

/// What is known of a blob once all of it went through.
struct layer_facts {
    tarpon::digest diff_id;       ///< of the bytes read; of the stored form if that is compressed
    std::uint64_t diff_bytes = 0; ///< bytes read
    tarpon::digest digest;        ///< of the bytes sent
    std::uint64_t bytes = 0;      ///< bytes sent
};

class layer_stream final : public body_source {
public:
    /// `source` must outlive the stream. `length`: of the output, where it is known.
    layer_stream(
        workshop shop,
        byte_source& source,
        std::shared_ptr<const block_codec> codec,
        std::optional<std::uint64_t> length,
        digest::algorithm algo = digest::algorithm::sha256);
    ~layer_stream() override;

    boost::asio::awaitable<body_piece> next() override;
    std::optional<std::uint64_t> length() const override { return length_; }

    /// Reads the source to its end, ahead of the sender. Then next() only waits for what was read.
    /// Throws what the source throws; so does next() then.
    boost::asio::awaitable<void> feed();
    /// The sender has given up: feed() reads on to the end, but keeps nothing.
    void abandon();

    /// Waits for the hashes. Only after next() gave the empty piece, or the last byte of `length`.
    boost::asio::awaitable<layer_facts> finish();

    std::uint64_t bytes_read() const noexcept { return bytes_read_; }

private:
    struct block;
    struct block_count;

    boost::asio::awaitable<void> read_ahead();
    boost::asio::awaitable<void> wait_for_feed();
    boost::asio::awaitable<void> discard_rest();
    boost::asio::awaitable<void> wait_for_block();
    boost::asio::awaitable<void> read_block();
    void start(std::shared_ptr<block> one);
    body_piece text_piece(std::string text);
    body_piece pass_on(std::shared_ptr<block> one);

    workshop shop_;
    byte_source& source_;
    std::shared_ptr<const block_codec> codec_;
    const bool plain_;             ///< the input is the output: one hash serves both
    const std::size_t block_room_; ///< size of a block's lease
    const std::size_t alive_max_;  ///< blocks
    std::optional<std::uint64_t> length_;
    std::shared_ptr<block_count> alive_; // shared with jobs that outlive a cancelled stream

    std::deque<std::shared_ptr<block>> window_;
    std::vector<std::byte> history_;
    std::shared_ptr<hash_queue::message> plain_hash_;
    std::shared_ptr<hash_queue::message> sent_hash_;
    std::uint32_t crc32_ = 0;
    std::uint64_t bytes_read_ = 0;
    std::uint64_t bytes_sent_ = 0;
    bool fed_ = false;
    bool abandoned_ = false;
    std::exception_ptr feed_failed_;
    bool head_done_ = false;
    bool source_done_ = false;
    bool tail_done_ = false;
};

} // namespace tarpon::pipeline
