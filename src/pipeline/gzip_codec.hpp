// gzip, by two engines that join their blocks in two ways.
#pragma once

#include "pipeline/block_codec.hpp"

namespace tarpon::pipeline {

/// Levels 1 and 2 are ISA-L, whose bytes are the same on every x86-64-v2 processor at these levels:
/// one gzip member of deflate blocks that were compressed apart and meet at byte boundaries.
/// Levels 3 to 9 are libdeflate, one gzip member a block (RFC 1952 section 2.2): it beats zlib of
/// the same level by more than twice in speed, and in size too (docs/performance.md).
std::shared_ptr<const block_codec> make_gzip_codec(int level);

} // namespace tarpon::pipeline
