// zstd: one frame a block. Decoders take any number of frames in a row (RFC 8878 section 3).
#pragma once

#include "pipeline/block_codec.hpp"

namespace tarpon::pipeline {

std::shared_ptr<const block_codec> make_zstd_codec(int level);

} // namespace tarpon::pipeline
