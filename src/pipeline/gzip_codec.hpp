// gzip: one member of deflate blocks that were compressed apart and meet at byte boundaries.
#pragma once

#include "pipeline/block_codec.hpp"

namespace tarpon::pipeline {

/// Levels 1 and 2 are ISA-L, whose bytes are the same on every x86-64-v2 processor at these
/// levels; 3 to 9 are zlib.
std::shared_ptr<const block_codec> make_gzip_codec(int level);

} // namespace tarpon::pipeline
