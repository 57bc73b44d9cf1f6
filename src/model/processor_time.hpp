// How busy the machine is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarpon {

/// Since the machine started, of all processors together, in ticks of the kernel's.
struct processor_time {
    std::uint64_t idle = 0; ///< with nothing to do, or waiting for a disk
    std::uint64_t all = 0;

    /// The part of the time since `before` that was idle, 0 to 1; 1 where no time has passed.
    double idle_since(const processor_time& before) const noexcept;
};

/// Of the first line of /proc/stat. nullopt: it is not that. Pure.
std::optional<processor_time> parse_processor_time(std::string_view line) noexcept;

/// nullopt: nobody tells. In a container this is the time of the whole machine.
std::optional<processor_time> read_processor_time();

} // namespace tarpon
