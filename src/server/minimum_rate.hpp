// How slowly bytes may come: so many in every stretch of waiting, or the sender is given up. Pure.
//
// Only the time spent waiting for the sender counts, never the time in which nobody asked for more:
// what back-pressure makes slow is not the sender's fault. A stall in the middle may take a whole
// window; a byte just before each time-out does not begin a new one.
#pragma once

#include <chrono>
#include <cstdint>

namespace tarpon::server {

class minimum_rate {
public:
    using duration = std::chrono::steady_clock::duration;

    /// At least `bytes` for every `window` of waiting.
    minimum_rate(std::uint64_t bytes, duration window)
        : bytes_wanted_(bytes)
        , window_(window) {}

    /// How long the next wait may take; zero or less: too slow already.
    duration allowed() const noexcept { return window_ - waited_; }

    /// A wait is over and brought this much.
    void note(std::uint64_t bytes, duration waited) noexcept {
        bytes_ += bytes;
        waited_ += waited;
        if (bytes_ < bytes_wanted_)
            return;
        bytes_ = 0;
        waited_ = duration::zero();
    }

private:
    std::uint64_t bytes_wanted_;
    duration window_;
    std::uint64_t bytes_ = 0;
    duration waited_ = duration::zero();
};

} // namespace tarpon::server
