// Input for the micro-benchmarks: the same bytes in every run.
#pragma once

#include <cstddef>
#include <string>

namespace tarpon::bench {

/// Text like source code, compresses to about a third.
std::string text(std::size_t bytes);
/// Does not compress.
std::string noise(std::size_t bytes);

} // namespace tarpon::bench
