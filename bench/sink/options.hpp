// What the sink pretends to be: how far away, how fast, how reliable.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tarpon::sink {

struct sink_options {
    std::uint16_t port = 0; ///< 0: the system chooses
    /// Hash every blob and refuse a wrong digest, as a registry would.
    bool hash = false;
    std::chrono::milliseconds answer_delay{0}; ///< before every answer
    std::uint64_t bytes_per_second = 0;        ///< taken from each connection; 0: no limit
    /// A connection is reset after about this many bytes of bodies; 0: never. Where exactly depends
    /// on `seed` and the number of the connection, so that every client meets the same link.
    std::uint64_t reset_every_bytes = 0;
    std::uint64_t seed = 1;
    std::string certificate_file; ///< PEM; with it the sink speaks TLS
    std::string key_file;
};

} // namespace tarpon::sink
