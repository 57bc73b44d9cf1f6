// A digest computed on the CPU pool: updates are queued from the I/O thread and done in order, one
// at a time, while the pool's other workers compress.
#pragma once

#include "async/run_on.hpp"
#include "model/hasher.hpp"

#include <boost/asio/strand.hpp>

#include <memory>
#include <span>

namespace tarpon::pipeline {

class ordered_hasher {
public:
    ordered_hasher(
        async::cpu_pool& workers,
        boost::asio::any_io_executor home,
        digest::algorithm algo = digest::algorithm::sha256);

    /// `owner` keeps `bytes` alive and is let go on the I/O thread when they are hashed. The
    /// queue is bounded by the buffers the owners hold.
    void update(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
    /// Waits for everything queued. Once.
    boost::asio::awaitable<digest> finish();

private:
    boost::asio::strand<async::cpu_pool::executor_type> strand_;
    boost::asio::any_io_executor home_;
    std::shared_ptr<hasher> hasher_;
};

} // namespace tarpon::pipeline
