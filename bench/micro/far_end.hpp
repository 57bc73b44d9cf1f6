// A server on loopback for the micro-benchmarks of the transport: takes every body, keeps nothing,
// answers 200. Runs in threads of its own until the program ends.
#pragma once

#include <cstdint>

namespace tarpon::bench {

/// Its port; the first call starts it. With `tls` it has a certificate made for this run, which
/// clients must take on trust.
std::uint16_t far_end_port(bool tls);

} // namespace tarpon::bench
