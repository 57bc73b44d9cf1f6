// See concurrency_limit.hpp.
#include "registry/concurrency_limit.hpp"

#include <algorithm>
#include <cmath>

namespace tarpon::registry {

void concurrency_limit::succeeded() noexcept {
    // A third of one is never a third: a little more than 1/n, so that n of them are enough.
    limit_ = std::min<double>(ceiling_, limit_ + 1.001 / static_cast<double>(value()));
}

void concurrency_limit::pushed_back(time_point begun, time_point now) noexcept {
    if (begun < halved_)
        return;
    halved_ = now;
    limit_ = std::max(1.0, std::floor(limit_ / 2));
}

} // namespace tarpon::registry
