// A machine with a clock for engine::idle_growth: so much of the time between two looks was idle.
#pragma once

#include "model/processor_time.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <optional>

namespace tarpon::test {

struct idle_machine {
    boost::asio::io_context io{1};
    std::optional<processor_time> time = processor_time{0, 1000}; ///< nullopt: it does not tell
    std::uint64_t idle_part = 0; ///< of 100 ticks between two looks
    int looks = 0;

    std::optional<processor_time> look() {
        ++looks;
        if (time) {
            time->all += 100;
            time->idle += idle_part;
        }
        return time;
    }

    void run_until_looks(int wanted) {
        while (looks < wanted)
            io.run_one();
    }
};

} // namespace tarpon::test
