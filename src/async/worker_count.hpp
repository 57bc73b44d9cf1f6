// How many threads a pool gets.
#pragma once

#include <tarpon/limits.hpp>

#include <algorithm>
#include <cstddef>
#include <thread>

namespace tarpon::async {

/// `wanted` as options have it, 0: as many as there are processors; 1 to limits::threads_max.
inline std::size_t worker_count(int wanted) {
    const int cores = static_cast<int>(std::thread::hardware_concurrency());
    return static_cast<std::size_t>(
        std::clamp(wanted > 0 ? wanted : cores, 1, limits::threads_max));
}

} // namespace tarpon::async
