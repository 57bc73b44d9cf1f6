// See rate_limiter.hpp.
#include "transport/rate_limiter.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace tarpon::transport {

namespace asio = boost::asio;

rate_plan::rate_plan(std::uint64_t bytes_per_second) noexcept
    : bytes_per_second_(bytes_per_second)
    , slice_bytes_(static_cast<std::size_t>(
          std::clamp<std::uint64_t>(bytes_per_second / 10, 1, limits::rate_slice_bytes_max))) {}

rate_plan::time_point rate_plan::take(std::size_t bytes, time_point now) noexcept {
    const time_point due = std::max(next_, now);
    const std::chrono::duration<double> time(
        static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
    next_ = due + std::chrono::duration_cast<time_point::duration>(time);
    return due;
}

asio::awaitable<void> rate_limiter::wait_for(std::size_t bytes) {
    const auto now = std::chrono::steady_clock::now();
    const auto due = plan_.take(bytes, now);
    if (due <= now)
        co_return;
    asio::steady_timer timer(executor_, due);
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace tarpon::transport
