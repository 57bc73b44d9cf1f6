// A bound on bytes a second, shared by all connections of a run.
//
// Who wants to send takes a slice and waits until it is due. Slices are small, and each connection
// has one at a time, so connections share the rate evenly whatever the size of their pieces.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tarpon::transport {

/// When slices are due. Pure.
class rate_plan {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Not 0.
    explicit rate_plan(std::uint64_t bytes_per_second) noexcept;

    /// At most so many bytes are taken at a time: a tenth of a second, within
    /// limits::rate_slice_bytes_max.
    std::size_t slice_bytes() const noexcept { return slice_bytes_; }
    /// Takes `bytes` (at most slice_bytes()) and says when they may go. What was not used in the
    /// past is not made up for.
    time_point take(std::size_t bytes, time_point now) noexcept;

private:
    std::uint64_t bytes_per_second_;
    std::size_t slice_bytes_;
    time_point next_{};
};

class rate_limiter {
public:
    rate_limiter(boost::asio::any_io_executor executor, std::uint64_t bytes_per_second)
        : executor_(std::move(executor))
        , plan_(bytes_per_second) {}

    std::size_t slice_bytes() const noexcept { return plan_.slice_bytes(); }
    /// Completes when `bytes` (at most slice_bytes()) may be sent. Cancel: terminal.
    boost::asio::awaitable<void> wait_for(std::size_t bytes);

private:
    boost::asio::any_io_executor executor_;
    rate_plan plan_;
};

} // namespace tarpon::transport
