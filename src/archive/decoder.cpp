// See decoder.hpp.
#include "archive/decoder.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>

namespace tarpon::archive {
namespace {

failure damaged(std::string_view format, std::string_view why) {
    return {errc::archive_damaged, concat("its ", format, " compression is damaged: ", why)};
}

failure too_many_members(std::string_view format) {
    return {
        errc::archive_limit, concat(
                                 "more than ", limits::compressed_members_max, " ", format,
                                 " members (compressed_members_max)")};
}

unsigned clamp32(std::size_t size) {
    return static_cast<unsigned>(std::min<std::size_t>(size, 1u << 30));
}

template <class Char>
Char* input_of(std::span<const std::byte> bytes) {
    return const_cast<Char*>(reinterpret_cast<const Char*>(bytes.data()));
}

class gzip_decoder final : public decoder {
public:
    gzip_decoder() {
        if (inflateInit2(&stream_, 15 + 16) != Z_OK)
            throw error(errc::internal, "zlib got no memory");
    }
    ~gzip_decoder() override { inflateEnd(&stream_); }

    result<step>
    decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
        if (between_members_) {
            if (input.empty())
                return step{};
            // gzip(1) tolerates zero padding behind the last member, so do we; nothing else.
            const auto first = std::find_if(
                input.begin(), input.end(), [](std::byte b) { return b != std::byte{0}; });
            const auto zeros = static_cast<std::size_t>(first - input.begin());
            if (zeros > 0) {
                padded_ = true;
                return step{zeros, 0};
            }
            if (padded_)
                return damaged("gzip", "something follows its end");
            if (++members_ > limits::compressed_members_max)
                return too_many_members("gzip");
            inflateReset(&stream_);
            between_members_ = false;
        }
        stream_.next_in = input_of<Bytef>(input);
        stream_.avail_in = clamp32(input.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output.data());
        stream_.avail_out = clamp32(output.size());
        const unsigned in = stream_.avail_in, out = stream_.avail_out;
        const int status = inflate(&stream_, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return damaged("gzip", stream_.msg ? stream_.msg : "not a gzip stream");
        between_members_ = status == Z_STREAM_END;
        return step{in - stream_.avail_in, out - stream_.avail_out};
    }
    bool complete() const override { return between_members_; }

private:
    z_stream stream_{};
    bool between_members_ = false;
    bool padded_ = false;
    std::uint64_t members_ = 1;
};

class zstd_decoder final : public decoder {
public:
    zstd_decoder()
        : context_(ZSTD_createDCtx()) {
        if (!context_)
            throw error(errc::internal, "zstd got no memory");
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, limits::zstd_window_log_max);
    }

    result<step>
    decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
        if (complete_ && input.empty())
            return step{};
        if (head_bytes_ == 0 && !input.empty()) {
            if (!may_begin_frame(input.front()))
                return damaged("zstd", "no frame of zstd 1.0 or later");
            // Never a whole frame: libzstd decodes those in another way, which notices other
            // damage.
            input = input.first(1);
        }
        ZSTD_inBuffer in{input.data(), input.size(), 0};
        ZSTD_outBuffer out{output.data(), output.size(), 0};
        const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_isError(status))
            return damaged("zstd", ZSTD_getErrorName(status));
        keep_head(input.first(in.pos));
        produced_ += out.pos;
        complete_ = status == 0;
        if (complete_) {
            if (!has_stated_size())
                return damaged("zstd", "a frame is shorter than it says");
            if (++frames_ > limits::compressed_members_max)
                return too_many_members("zstd");
            head_bytes_ = 0;
            produced_ = 0;
        }
        return step{in.pos, out.pos};
    }
    bool complete() const override { return complete_; }

private:
    /// A frame (fd2fb528) or one to be skipped (184d2a50 to 5f), little-endian. libzstd would also
    /// read the formats before 1.0, which no tool has written since 2016, with code of that time.
    static bool may_begin_frame(std::byte first) {
        return first == std::byte{0x28} || (first & std::byte{0xf0}) == std::byte{0x50};
    }
    void keep_head(std::span<const std::byte> consumed) {
        const std::size_t more = std::min(consumed.size(), head_.size() - head_bytes_);
        std::copy_n(consumed.begin(), more, head_.begin() + head_bytes_);
        head_bytes_ += more;
    }
    /// libzstd checks this itself, except where a frame comes in pieces and ends in an empty block.
    bool has_stated_size() const {
        const auto stated = ZSTD_getFrameContentSize(head_.data(), head_bytes_);
        return stated == ZSTD_CONTENTSIZE_UNKNOWN || stated == produced_;
    }

    struct free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    std::unique_ptr<ZSTD_DCtx, free> context_;
    std::array<std::byte, 18> head_{}; // of the frame; none is longer (ZSTD_FRAMEHEADERSIZE_MAX)
    std::size_t head_bytes_ = 0;
    std::uint64_t produced_ = 0; // of the frame
    bool complete_ = false;
    std::uint64_t frames_ = 0;
};

class xz_decoder final : public decoder {
public:
    xz_decoder() {
        if (lzma_stream_decoder(&stream_, limits::xz_memory_bytes_max, LZMA_CONCATENATED)
            != LZMA_OK)
            throw error(errc::internal, "liblzma got no memory");
    }
    ~xz_decoder() override { lzma_end(&stream_); }

    result<step> decode(
        std::span<const std::byte> input, std::span<std::byte> output, bool input_ended) override {
        stream_.next_in = input_of<const uint8_t>(input);
        stream_.avail_in = input.size();
        stream_.next_out = reinterpret_cast<uint8_t*>(output.data());
        stream_.avail_out = output.size();
        const lzma_ret status = lzma_code(&stream_, input_ended ? LZMA_FINISH : LZMA_RUN);
        if (status == LZMA_MEMLIMIT_ERROR)
            return failure{
                errc::archive_limit,
                concat(
                    "its xz compression needs more than ", human_bytes(limits::xz_memory_bytes_max),
                    " to unpack (xz_memory_bytes_max)")};
        if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR)
            return damaged(
                "xz", status == LZMA_FORMAT_ERROR ? "not an xz stream" : "wrong data or checksum");
        complete_ = status == LZMA_STREAM_END;
        return step{input.size() - stream_.avail_in, output.size() - stream_.avail_out};
    }
    bool complete() const override { return complete_; }

private:
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool complete_ = false;
};

class bzip2_decoder final : public decoder {
public:
    bzip2_decoder() { open(); }
    ~bzip2_decoder() override { BZ2_bzDecompressEnd(&stream_); }

    result<step>
    decode(std::span<const std::byte> input, std::span<std::byte> output, bool) override {
        if (between_members_) {
            if (input.empty())
                return step{};
            if (++members_ > limits::compressed_members_max)
                return too_many_members("bzip2");
            BZ2_bzDecompressEnd(&stream_);
            open();
            between_members_ = false;
        }
        stream_.next_in = input_of<char>(input);
        stream_.avail_in = clamp32(input.size());
        stream_.next_out = reinterpret_cast<char*>(output.data());
        stream_.avail_out = clamp32(output.size());
        const unsigned in = stream_.avail_in, out = stream_.avail_out;
        const int status = BZ2_bzDecompress(&stream_);
        if (status != BZ_OK && status != BZ_STREAM_END)
            return damaged(
                "bzip2",
                status == BZ_DATA_ERROR_MAGIC ? "not a bzip2 stream" : "wrong data or checksum");
        between_members_ = status == BZ_STREAM_END;
        return step{in - stream_.avail_in, out - stream_.avail_out};
    }
    bool complete() const override { return between_members_; }

private:
    void open() {
        stream_ = {};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK)
            throw error(errc::internal, "bzip2 got no memory");
    }

    bz_stream stream_{};
    bool between_members_ = false;
    std::uint64_t members_ = 1;
};

} // namespace

std::unique_ptr<decoder> make_decoder(encoding kind) {
    switch (kind) {
    case encoding::gzip:
        return std::make_unique<gzip_decoder>();
    case encoding::zstd:
        return std::make_unique<zstd_decoder>();
    case encoding::xz:
        return std::make_unique<xz_decoder>();
    case encoding::bzip2:
        return std::make_unique<bzip2_decoder>();
    default:
        return nullptr;
    }
}

result<void> expansion_guard::count(std::size_t consumed, std::size_t produced) {
    consumed_ += consumed;
    produced_ += produced;
    if (produced_ > limits::expansion_grace_bytes
        && produced_ / limits::expansion_ratio_max > consumed_)
        return failure{
            errc::archive_limit,
            concat(
                "it expands to more than ", limits::expansion_ratio_max,
                " times its size: a decompression bomb? (expansion_ratio_max)")};
    return {};
}

} // namespace tarpon::archive
