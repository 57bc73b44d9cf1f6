// The body of a PUT /push on its way into the engine: counted, bounded, and it tells its end.
#pragma once

#include "async/condition.hpp"
#include "model/byte_stream.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace tarpon::server {

/// errc::archive_limit.
error archive_too_large(std::uint64_t bytes_max);

class received_body final : public byte_source {
public:
    /// `bytes_max` 0: no bound. `from` must outlive this.
    received_body(
        const boost::asio::any_io_executor& executor, byte_source& from, std::uint64_t bytes_max);

    /// Throws errc::archive_limit where the body is larger than it may be, errc::cancelled once
    /// stopped, and what `from` throws.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

    /// Completes once all of the body has been read.
    boost::asio::awaitable<void> wait_for_end();
    bool too_large() const noexcept { return too_large_; }
    std::uint64_t bytes() const noexcept { return bytes_; }
    /// The client did not send all of it.
    bool broke_off() const noexcept { return broke_off_; }
    /// What is read from now on throws errc::cancelled, also where a read that waits is made to
    /// fail.
    void stop() noexcept { stopped_ = true; }

private:
    byte_source& from_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    async::condition changed_;
    bool ended_ = false;
    bool too_large_ = false;
    bool stopped_ = false;
    bool broke_off_ = false;
};

} // namespace tarpon::server
