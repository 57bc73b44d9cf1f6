// See zstd_codec.hpp.
#include "pipeline/zstd_codec.hpp"

#include <tarpon/error.hpp>

#include <zstd.h>

namespace tarpon::pipeline {
namespace {

// Frames do not see each other, so they must be large for the ratio: at 2 MiB level 3 loses 1 %
// against one frame over everything, at 512 KiB more than 3 % (docs/performance.md).
constexpr std::size_t frame_bytes = 2 * 1024 * 1024;

class zstd_codec final : public block_codec {
public:
    explicit zstd_codec(int level)
        : level_(level) {}

    std::size_t block_bytes() const noexcept override { return frame_bytes; }
    std::size_t output_bytes_max(std::size_t input_bytes) const noexcept override {
        return ZSTD_compressBound(input_bytes);
    }

    encoded_block encode(
        std::span<const std::byte>,
        std::span<const std::byte> input,
        std::span<std::byte> output) const override {
        struct free {
            void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
        };
        thread_local const std::unique_ptr<ZSTD_CCtx, free> context(ZSTD_createCCtx());
        if (!context)
            throw error(errc::internal, "zstd got no memory");
        const std::size_t size = ZSTD_compressCCtx(
            context.get(), output.data(), output.size(), input.data(), input.size(), level_);
        if (ZSTD_isError(size))
            throw error(errc::internal, "zstd could not compress a block", ZSTD_getErrorName(size));
        return {size, 0};
    }

    std::string tail(std::uint32_t, std::uint64_t input_bytes) const override {
        if (input_bytes > 0)
            return {};
        std::string empty_frame(32, '\0');
        empty_frame.resize(
            ZSTD_compress(empty_frame.data(), empty_frame.size(), nullptr, 0, level_));
        return empty_frame;
    }

private:
    int level_;
};

} // namespace

std::shared_ptr<const block_codec> make_zstd_codec(int level) {
    return std::make_shared<zstd_codec>(level);
}

} // namespace tarpon::pipeline
