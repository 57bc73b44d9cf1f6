// How many uploads a host gets at a time: fewer as soon as it says that it has too many, and one
// more for each full round that went well. Pure; `upload_slots` does the waiting.
#pragma once

#include <chrono>

namespace tarpon::registry {

class concurrency_limit {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// `ceiling`: at least 1, and where it begins.
    explicit concurrency_limit(int ceiling) noexcept
        : ceiling_(ceiling)
        , limit_(ceiling) {}

    int value() const noexcept { return static_cast<int>(limit_); }
    /// An upload went well: value() of them make room for one more.
    void succeeded() noexcept;
    /// 429, 503, or a connection on which nothing moved any more: half as many. What began before
    /// the last time it was halved is part of the same overload, and does not count again.
    void pushed_back(time_point begun, time_point now) noexcept;

private:
    int ceiling_;
    double limit_;
    time_point halved_{};
};

} // namespace tarpon::registry
