#include "archive/decoder.hpp"

#include "support/image_builder.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_decoder)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::archive;

struct outcome {
    std::string text;
    result<void> ended;
    bool complete = false;
};

/// Feeds `packed` in pieces of `in` bytes into output of `out` bytes.
outcome decode(encoding kind, std::string_view packed, std::size_t in, std::size_t out) {
    outcome o;
    const auto d = make_decoder(kind);
    std::string buffer(out, '\0');
    std::size_t at = 0, end = 0;
    while (true) {
        end = std::min(packed.size(), std::max(end, at + in));
        const auto step = d->decode(
            std::as_bytes(std::span(packed.data() + at, end - at)),
            std::as_writable_bytes(std::span(buffer)), end == packed.size());
        if (!step) {
            o.ended = step.error();
            return o;
        }
        o.text.append(buffer.data(), step->produced);
        at += step->consumed;
        if (step->consumed == 0 && step->produced == 0) {
            if (end == packed.size())
                break;
            end += in;
        }
    }
    o.complete = d->complete() && at == packed.size();
    return o;
}

using packer = std::string (*)(std::string_view);
struct format {
    encoding kind;
    packer pack;
};
const format formats[] = {
    {encoding::gzip, test::gzip},
    {encoding::zstd, test::zstd},
    {encoding::xz, test::xz},
    {encoding::bzip2, test::bzip2}};

BOOST_DATA_TEST_CASE(
    round_trip_in_any_pieces,
    bdata::xrange(4) * bdata::make({1, 7, 100000}) * bdata::make({1, 13, 65536}),
    which,
    in,
    out) {
    const std::string text = test::make_layer(1, 20'000);
    const auto o = decode(
        formats[which].kind, formats[which].pack(text), static_cast<std::size_t>(in),
        static_cast<std::size_t>(out));
    BOOST_TEST(o.ended.has_value());
    BOOST_TEST(o.complete);
    BOOST_TEST((o.text == text));
}

BOOST_DATA_TEST_CASE(several_members_in_a_row, bdata::xrange(4), which) {
    const auto& f = formats[which];
    const auto o = decode(f.kind, f.pack("one ") + f.pack("") + f.pack("two"), 5, 100);
    BOOST_TEST(o.complete);
    BOOST_TEST(o.text == "one two");
}

// Whatever byte the stream ends after, it is not taken for whole.
BOOST_DATA_TEST_CASE(every_truncation_is_noticed, bdata::xrange(4), which) {
    const auto& f = formats[which];
    const std::string packed = f.pack(test::make_layer(2, 3000));
    for (std::size_t length = 0; length < packed.size(); ++length) {
        const auto o = decode(f.kind, packed.substr(0, length), 4096, 4096);
        BOOST_TEST((!o.ended || !o.complete), "cut at " << length);
    }
}

// A flipped bit either changes nothing that matters or is an error; it never hangs or crashes.
BOOST_DATA_TEST_CASE(flipped_bits_end, bdata::xrange(4), which) {
    const auto& f = formats[which];
    const std::string text = test::make_layer(3, 1000);
    const std::string packed = f.pack(text);
    for (std::size_t at = 0; at < packed.size(); ++at) {
        std::string bad = packed;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        const auto o = decode(f.kind, bad, 4096, 4096);
        if (o.ended && o.complete && f.kind != encoding::zstd) // its frames carry no checksum here
            BOOST_TEST((o.text == text), "flipped at " << at);
    }
}

BOOST_AUTO_TEST_CASE(gzip_padding_and_junk) {
    const std::string packed = test::gzip("text");
    BOOST_TEST(decode(encoding::gzip, packed + std::string(1000, '\0'), 7, 100).complete);
    BOOST_TEST(!decode(encoding::gzip, packed + "junk", 100, 100).ended);
    BOOST_TEST(!decode(encoding::gzip, packed + std::string(3, '\0') + "junk", 100, 100).ended);
}

// A frame that asks for a 2 GiB window is refused, not obeyed.
BOOST_AUTO_TEST_CASE(zstd_window_is_limited) {
    using namespace std::string_view_literals;
    const auto o = decode(encoding::zstd, "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"sv, 100, 100);
    BOOST_TEST(!o.ended);
}

// A frame that says "8 bytes" and holds none is damaged however it is cut (libzstd only sees it in
// one piece; found by fuzz_decoders).
BOOST_AUTO_TEST_CASE(zstd_frame_shorter_than_stated_is_damaged) {
    using namespace std::string_view_literals;
    const std::string empty("\x28\xb5\x2f\xfd\x20\x08\x01\x00\x00"sv);
    for (const std::size_t in : {1, 3, 100})
        BOOST_TEST(!decode(encoding::zstd, test::zstd("x") + empty, in, 100).ended);
}

// libzstd can read the formats before 1.0, some of the time (found by fuzz_decoders: in one piece
// it took this one, in several it did not).
BOOST_AUTO_TEST_CASE(zstd_before_1_0_is_no_zstd) {
    using namespace std::string_view_literals;
    const std::string old("\x25\xb5\x2f\xfd\x00\x00\x00\x00"sv);
    for (const std::size_t in : {1, 3, 100}) {
        BOOST_TEST(!decode(encoding::zstd, old, in, 100).ended);
        BOOST_TEST(!decode(encoding::zstd, test::zstd("x") + old, in, 100).ended);
    }
}

// Its block has one byte, to be repeated 0 times: libzstd takes it where it sees the whole frame
// (found by fuzz_decoders).
BOOST_AUTO_TEST_CASE(zstd_is_judged_the_same_in_any_pieces) {
    using namespace std::string_view_literals;
    const std::string empty("\x28\xb5\x2f\xfd\x20\x00\x03\x00\x00o"sv);
    const bool in_pieces = decode(encoding::zstd, empty, 1, 100).complete;
    for (const std::size_t in : {2, 3, 5, 100})
        BOOST_TEST(decode(encoding::zstd, empty, in, 100).complete == in_pieces);
}

BOOST_AUTO_TEST_CASE(zstd_frames_to_be_skipped_are_skipped) {
    using namespace std::string_view_literals;
    const std::string skipped("\x5e\x2a\x4d\x18\x03\x00\x00\x00"
                              "any"sv);
    for (const std::size_t in : {1, 3, 100}) {
        const auto o = decode(encoding::zstd, skipped + test::zstd("x") + skipped, in, 100);
        BOOST_TEST(o.complete);
        BOOST_TEST(o.text == "x");
    }
}

BOOST_AUTO_TEST_CASE(expansion_is_limited_after_a_grace) {
    expansion_guard fine;
    BOOST_TEST(fine.count(1, limits::expansion_grace_bytes).has_value());
    BOOST_TEST(!fine.count(0, 1).has_value());
    expansion_guard deflate;
    for (int i = 0; i < 1000; ++i)
        BOOST_REQUIRE(deflate.count(1000, 1'032'000).has_value());
}

BOOST_AUTO_TEST_CASE(no_decoder_for_plain_things) {
    BOOST_TEST(!make_decoder(encoding::tar));
    BOOST_TEST(!make_decoder(encoding::lz4));
}

BOOST_AUTO_TEST_SUITE_END()
