// How much memory this process has had.
#pragma once

#include <cstdint>

namespace tarpon {

/// The most that was resident at any time since the program began, in bytes. Not ru_maxrss, which
/// is inherited over exec and may be the parent's; that only where /proc cannot be read.
/// Source: proc(5), getrusage(2).
std::uint64_t peak_memory_bytes();

} // namespace tarpon
