// Who holds something that is written down: a process, told from a later one with the same number.
#pragma once

#include <cstdint>
#include <string>

namespace tarpon::state {

struct process_id {
    std::string machine; ///< its host name
    std::int64_t pid = 0;
    std::int64_t start = 0; ///< of the process, in the kernel's ticks; 0: unknown

    bool operator==(const process_id&) const = default;
};

process_id this_process();

/// Does it still run? Of another machine's processes nothing is known: they count as running.
bool is_running(const process_id& who);

} // namespace tarpon::state
