// ISA-L: each block sees the 32 KiB before it as its dictionary and ends with an empty stored
// block, so that blocks can be compressed in any order and concatenated (RFC 1951 3.2.4; pigz does
// the same). libdeflate cannot be stopped at a byte boundary, so its blocks are whole members.
#include "pipeline/gzip_codec.hpp"

#include "pipeline/stored_blocks.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/endian/conversion.hpp>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace tarpon::pipeline {
namespace {

constexpr std::size_t window_bytes = 32 * 1024;

/// RFC 1952: deflate, no name, no time, unknown system; so that equal layers are equal bytes.
constexpr char gzip_header[] = {'\x1f', '\x8b', 8, 0, 0, 0, 0, 0, 0, '\xff'};

unsigned char* as_output(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

unsigned char* as_input(std::span<const std::byte> bytes) {
    return const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
}

std::uint32_t size32(std::size_t size) {
    if (size > std::numeric_limits<std::uint32_t>::max())
        throw error(errc::internal, "a compression block of 4 GiB or more");
    return static_cast<std::uint32_t>(size);
}

class isal_codec final : public block_codec {
public:
    explicit isal_codec(int level)
        : level_(level) {}

    std::size_t block_bytes() const noexcept override { return limits::block_bytes; }
    std::size_t history_bytes() const noexcept override { return window_bytes; }
    std::size_t output_bytes_max(std::size_t input_bytes) const noexcept override {
        return input_bytes + limits::buffer_slack_bytes;
    }
    std::string head() const override { return {gzip_header, sizeof gzip_header}; }

    encoded_block encode(
        std::span<const std::byte> history,
        std::span<const std::byte> input,
        std::span<std::byte> output) const override {
        encoded_block block;
        block.crc32 = crc32_gzip_refl(0, as_input(input), input.size());
        if (gains_nothing(input, output))
            block.size = store_blocks(input, output);
        else if (history.empty())
            block.size = deflate_first_block(input, output);
        else
            block.size = deflate_block(history, input, output);
        return block;
    }

    std::string tail(std::uint32_t crc, std::uint64_t input_bytes) const override {
        std::string text("\x03\x00", 2); // a last, empty deflate block
        unsigned char numbers[8];
        boost::endian::store_little_u32(numbers, crc);
        boost::endian::store_little_u32(numbers + 4, static_cast<std::uint32_t>(input_bytes));
        return text.append(reinterpret_cast<const char*>(numbers), sizeof numbers);
    }

private:
    // The size of the token buffer is the size of the deflate blocks. Small ones fit layers best:
    // less output than gzip -1, at no more time than the larger sizes (docs/performance.md).
    static constexpr std::size_t scratch_bytes = ISAL_DEF_LVL2_SMALL;

    struct scratch {
        alignas(64) isal_zstream stream;
        std::vector<unsigned char> level_buffer = std::vector<unsigned char>(scratch_bytes);
    };

    /// Looks like noise, and a piece of its middle does not shrink either: no repetition within
    /// the window. `output` is scratch.
    bool gains_nothing(std::span<const std::byte> input, std::span<std::byte> output) const {
        constexpr std::size_t trial_bytes = 16 * 1024;
        if (input.size() < 2 * (window_bytes + trial_bytes) || !looks_like_noise(input))
            return false;
        const auto before = input.subspan(input.size() / 2 - window_bytes, window_bytes);
        const auto trial = input.subspan(input.size() / 2, trial_bytes);
        return deflate_block(before, trial, output) >= trial.size();
    }

    /// Where there is no history, ISA-L (2.30) files the third position of the text not under a
    /// hash of the text but of its stream's address. That costs a match in some ten thousand
    /// blocks, and the same text has two outputs. So the first bytes go as they are and are
    /// history of the rest.
    std::size_t
    deflate_first_block(std::span<const std::byte> input, std::span<std::byte> output) const {
        constexpr std::size_t stored_bytes = 16; // a name in a tar header; costs about as many
        const auto first = input.first(std::min(input.size(), stored_bytes));
        const auto rest = input.subspan(first.size());
        const std::size_t used = store_blocks(first, output);
        return rest.empty() ? used : used + deflate_block(first, rest, output.subspan(used));
    }

    /// `history`: not empty.
    std::size_t deflate_block(
        std::span<const std::byte> history,
        std::span<const std::byte> input,
        std::span<std::byte> output) const {
        thread_local const auto own = std::make_unique<scratch>();
        isal_zstream& stream = own->stream;
        isal_deflate_init(&stream);
        stream.level = static_cast<std::uint32_t>(level_);
        stream.level_buf = own->level_buffer.data();
        stream.level_buf_size = scratch_bytes;
        stream.flush = SYNC_FLUSH;
        stream.gzip_flag = IGZIP_DEFLATE;
        if (isal_deflate_set_dict(&stream, as_input(history), size32(history.size())) != COMP_OK)
            throw error(errc::internal, "ISA-L refused a dictionary");
        stream.next_in = as_input(input);
        stream.avail_in = size32(input.size());
        stream.next_out = as_output(output);
        stream.avail_out = size32(output.size());
        if (isal_deflate(&stream) != COMP_OK || stream.avail_in != 0 || stream.avail_out == 0)
            throw error(errc::internal, "ISA-L could not compress a block");
        return output.size() - stream.avail_out;
    }

    int level_;
};

class libdeflate_codec final : public block_codec {
public:
    explicit libdeflate_codec(int level)
        : level_(level) {}

    std::size_t block_bytes() const noexcept override { return limits::block_bytes; }
    std::size_t output_bytes_max(std::size_t input_bytes) const noexcept override {
        return input_bytes + limits::buffer_slack_bytes;
    }

    encoded_block encode(
        std::span<const std::byte>,
        std::span<const std::byte> input,
        std::span<std::byte> output) const override {
        return {gzip_member(input, output), 0};
    }

    std::string tail(std::uint32_t, std::uint64_t input_bytes) const override {
        if (input_bytes > 0)
            return {};
        std::string empty(64, '\0'); // a stream of no bytes is one empty member
        empty.resize(gzip_member({}, std::as_writable_bytes(std::span(empty))));
        return empty;
    }

private:
    struct compressor {
        libdeflate_compressor* engine = nullptr;
        int level = 0;
        ~compressor() { libdeflate_free_compressor(engine); }
    };

    std::size_t gzip_member(std::span<const std::byte> input, std::span<std::byte> output) const {
        thread_local compressor own;
        if (own.level != level_) {
            libdeflate_free_compressor(own.engine);
            own.engine = libdeflate_alloc_compressor(level_);
            own.level = own.engine ? level_ : 0;
        }
        if (!own.engine)
            throw error(errc::internal, "libdeflate got no memory");
        const std::size_t size = libdeflate_gzip_compress(
            own.engine, input.data(), input.size(), output.data(), output.size());
        if (size == 0)
            throw error(errc::internal, "libdeflate could not compress a block");
        return size;
    }

    int level_;
};

} // namespace

std::uint32_t
join_crc32(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) noexcept {
    return static_cast<std::uint32_t>(
        crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

std::shared_ptr<const block_codec> make_gzip_codec(int level) {
    if (level <= 2)
        return std::make_shared<isal_codec>(level);
    return std::make_shared<libdeflate_codec>(level);
}

} // namespace tarpon::pipeline
