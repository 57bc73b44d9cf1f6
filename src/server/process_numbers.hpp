// What the kernel says about this process.
#pragma once

#include <cstdint>

namespace tarpon::server {

struct process_numbers {
    std::uint64_t resident_bytes = 0;
    std::uint64_t resident_peak_bytes = 0;
    double cpu_seconds = 0;
    std::uint64_t open_files = 0;
    std::uint64_t open_files_max = 0;
    double start_time_seconds = 0; ///< Unix time
};

/// Zero where something cannot be read. Source: proc(5), getrusage(2).
process_numbers read_process_numbers();

} // namespace tarpon::server
