#include "pipeline/block_codec.hpp"

#include "model/hasher.hpp"
#include "support/bytes.hpp"
#include "support/image_builder.hpp"

#include <boost/endian/conversion.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <zstd.h>

#include <future>
#include <latch>

BOOST_AUTO_TEST_SUITE(test_block_codec)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::pipeline;

std::string text(std::size_t bytes) {
    return test::make_layer(7, bytes).substr(0, bytes);
}

std::string noise(std::size_t bytes) {
    return test::noise(bytes, 42);
}

/// The stream a codec makes, with blocks encoded last to first to show that order does not matter.
std::string encode(const block_codec& codec, std::string_view input) {
    const auto bytes = std::as_bytes(std::span(input.data(), input.size()));
    const std::size_t step = codec.block_bytes();
    std::vector<std::string> blocks((input.size() + step - 1) / step);
    std::vector<std::uint32_t> crcs(blocks.size());
    for (std::size_t i = blocks.size(); i-- > 0;) {
        const auto block = bytes.subspan(i * step, std::min(step, input.size() - i * step));
        const auto history = bytes.first(i * step).last(std::min(codec.history_bytes(), i * step));
        std::string out(codec.output_bytes_max(block.size()), '\0');
        const auto done = codec.encode(history, block, std::as_writable_bytes(std::span(out)));
        blocks[i] = out.substr(0, done.size);
        crcs[i] = done.crc32;
    }
    std::string stream = codec.head();
    std::uint32_t crc = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        stream += blocks[i];
        crc = join_crc32(crc, crcs[i], std::min(step, input.size() - i * step));
    }
    return stream + codec.tail(crc, input.size());
}

std::string unzstd(std::string_view packed) {
    std::string out;
    char buffer[1 << 17];
    ZSTD_DCtx* context = ZSTD_createDCtx();
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    while (in.pos < in.size) {
        ZSTD_outBuffer o{buffer, sizeof buffer, 0};
        if (ZSTD_isError(ZSTD_decompressStream(context, &o, &in)))
            throw std::runtime_error("zstd");
        out.append(buffer, o.pos);
    }
    ZSTD_freeDCtx(context);
    return out;
}

const std::size_t sizes[] = {0, 1, 511, 524287, 524288, 524289, 3'000'000};

// zlib reads what every level wrote, whatever the size and however well it compresses.
BOOST_DATA_TEST_CASE(
    gzip_round_trip, bdata::make({1, 2, 3, 6, 9}) * bdata::make(sizes), level, size) {
    const auto codec = make_codec(compression::gzip, level);
    for (const std::string& input : {text(size), noise(size), std::string(size, '\0')}) {
        const std::string packed = encode(*codec, input);
        BOOST_TEST((test::gunzip(packed) == input));
        BOOST_TEST(packed.size() <= input.size() + input.size() / 1000 + 64);
    }
}

const std::size_t zstd_sizes[] = {0, 1, 524288, 3'670'016, 3'670'017};

BOOST_DATA_TEST_CASE(
    zstd_round_trip, bdata::make({1, 3, 19}) * bdata::make(zstd_sizes), level, size) {
    const auto codec = make_codec(compression::zstd, level);
    for (const std::string& input : {text(size), noise(size)}) {
        const std::string packed = encode(*codec, input);
        BOOST_TEST(!packed.empty());
        BOOST_TEST((unzstd(packed) == input));
    }
}

// The window of levels 1 and 2 reaches over block borders: two equal blocks of noise shorter than
// 32 KiB apart.
BOOST_AUTO_TEST_CASE(gzip_blocks_see_what_was_before_them) {
    const std::string chunk = noise(20'000);
    std::string input = noise(524288 - 20'000) + chunk + chunk;
    for (const int level : {1, 2})
        BOOST_TEST(encode(*make_codec(compression::gzip, level), input).size() < 524288 + 10'000);
}

// Engines keep scratch memory between blocks; what was in it must not show in the output.
BOOST_AUTO_TEST_CASE(bytes_do_not_depend_on_what_was_encoded_before) {
    const std::string input = text(1'500'000);
    for (const auto& [kind, level] :
         {std::pair{compression::gzip, 1},
          {compression::gzip, 2},
          {compression::gzip, 6},
          {compression::zstd, 3}}) {
        const auto codec = make_codec(kind, level);
        const std::string first = encode(*codec, input);
        (void)encode(*codec, noise(700'000));
        (void)encode(*make_codec(kind, 1), std::string(100'000, 'y'));
        BOOST_TEST((encode(*codec, input) == first));
    }
}

// ... nor where that memory is. An engine that mixes its address into a hash gives itself away in
// one of some thousand texts that repeat their beginning, so there are many; threads keep their
// engines at different addresses.
BOOST_AUTO_TEST_CASE(bytes_do_not_depend_on_where_the_engine_is) {
    const auto digest_of_many = [](compression kind, int level) {
        const auto codec = make_codec(kind, level);
        hasher packed;
        for (std::uint64_t i = 1; i <= 60'000; ++i) {
            std::string input(400, '\0');
            boost::endian::store_little_u64(
                reinterpret_cast<unsigned char*>(input.data()), i * 0x9e3779b97f4a7c15);
            input.replace(64, 8, input, 0, 8);
            packed.update(encode(*codec, input));
        }
        return packed.finish();
    };
    for (const auto& [kind, level] : {std::pair{compression::gzip, 1}, {compression::gzip, 2}}) {
        std::vector<std::future<digest>> threads;
        std::latch all_begun(4); // so that none gets the memory of one that has ended
        for (int i = 0; i < 4; ++i)
            threads.push_back(std::async(std::launch::async, [&, kind = kind, level = level] {
                all_begun.arrive_and_wait();
                return digest_of_many(kind, level);
            }));
        const auto first = threads.front().get();
        for (auto& thread : std::span(threads).subspan(1))
            BOOST_TEST((thread.get() == first), "gzip " << level);
    }
}

BOOST_AUTO_TEST_CASE(levels_out_of_range_are_refused) {
    for (const auto& [kind, level] :
         {std::pair{compression::gzip, 10},
          {compression::gzip, -1},
          {compression::zstd, 20},
          {compression::none, 1}})
        BOOST_CHECK_THROW(make_codec(kind, level), tarpon::error);
}

BOOST_AUTO_TEST_SUITE_END()
