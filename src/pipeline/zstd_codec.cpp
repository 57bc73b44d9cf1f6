// See zstd_codec.hpp.
#include "pipeline/zstd_codec.hpp"

#include <tarpon/error.hpp>

#include <zstd.h>

namespace tarpon::pipeline {
namespace {

// Frames do not see each other, so they must be large for the ratio: at 2 MiB level 3 makes 0.9 %
// more bytes (docs/performance.md). A block's input and output must fit into what chunks leave of
// limits::zstd_memory_bytes_min.
constexpr std::size_t frame_bytes = 3584 * 1024;

// At the default level the tables of zstd's own choice (hash 2^17, chain 2^16) push each other out
// of a core's cache; at half that size a block takes 15 % less time and 0.7 % more bytes
// (docs/performance.md).
constexpr int small_tables_level = 3;
constexpr int small_hash_log = 16;
constexpr int small_chain_log = 15;

void require(std::size_t zstd_result) {
    if (ZSTD_isError(zstd_result))
        throw error(
            errc::internal, "zstd could not compress a block", ZSTD_getErrorName(zstd_result));
}

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
        prepare(context.get());
        const std::size_t size =
            ZSTD_compress2(context.get(), output.data(), output.size(), input.data(), input.size());
        require(size);
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
    /// The context is the thread's, and may have served another codec before.
    void prepare(ZSTD_CCtx* context) const {
        require(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters));
        require(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level_));
        if (level_ != small_tables_level)
            return;
        require(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, small_hash_log));
        require(ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, small_chain_log));
    }

    int level_;
};

} // namespace

std::shared_ptr<const block_codec> make_zstd_codec(int level) {
    return std::make_shared<zstd_codec>(level);
}

} // namespace tarpon::pipeline
