// Which engine for which option; see block_codec.hpp.
#include "pipeline/block_codec.hpp"

#include "model/text.hpp"
#include "pipeline/gzip_codec.hpp"
#include "pipeline/zstd_codec.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

namespace tarpon::pipeline {
namespace {

// The smallest output of any gzip level that costs next to nothing: ISA-L level 2 is as fast as
// its level 1 within 5 % and beats gzip -1 in size; zstd 3 is that engine's own default.
constexpr int gzip_level_default = 2;
constexpr int zstd_level_default = 3;

/// Bytes go through as they are: the input is the output.
class plain_codec final : public block_codec {
public:
    std::size_t block_bytes() const noexcept override { return limits::plain_block_bytes; }
    std::size_t output_bytes_max(std::size_t) const noexcept override { return 0; }
    encoded_block encode(
        std::span<const std::byte>,
        std::span<const std::byte> input,
        std::span<std::byte>) const override {
        return {input.size(), 0};
    }
    std::string tail(std::uint32_t, std::uint64_t) const override { return {}; }
};

} // namespace

int level_max(compression kind) noexcept {
    switch (kind) {
    case compression::zstd:
        return 19;
    case compression::none:
        return 0;
    case compression::automatic:
    case compression::gzip:
        return 9;
    }
    return 0;
}

std::shared_ptr<const block_codec> make_codec(compression kind, int level) {
    if (level < 0 || level > level_max(kind))
        throw error(
            errc::usage,
            concat("compression level ", level, " is out of range (1 to ", level_max(kind), ")"));
    switch (kind) {
    case compression::none:
        return std::make_shared<plain_codec>();
    case compression::zstd:
        return make_zstd_codec(level == 0 ? zstd_level_default : level);
    case compression::automatic:
    case compression::gzip:
        break;
    }
    return make_gzip_codec(level == 0 ? gzip_level_default : level);
}

} // namespace tarpon::pipeline
