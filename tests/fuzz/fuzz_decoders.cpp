// The decoders on any bytes: in one piece and in many they give the same text and the same
// verdict, every step gets on, and they stop at the end of what is asked for.
//
// Byte 0 chooses the format, byte 1 the pieces; the rest is the compressed stream.
#include "archive/decoder.hpp"
#include "fuzz.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;

constexpr std::size_t output_bytes_max = 256 * 1024;

struct outcome {
    std::string text;
    bool complete = false; ///< accepted to its end
    bool cut = false;      ///< stopped at output_bytes_max
};

outcome decode(archive::encoding kind, std::string_view packed, bool in_one, piece_sizes pieces) {
    outcome out;
    const auto decoder = archive::make_decoder(kind);
    archive::expansion_guard guard;
    std::string buffer;
    std::size_t at = 0, end = in_one ? packed.size() : 0;
    while (out.text.size() < output_bytes_max) {
        buffer.resize(in_one ? 64 * 1024 : pieces.next());
        const auto input = as_bytes(packed.substr(at, end - at));
        const bool input_ended = end == packed.size();
        const auto step = decoder->decode(
            input, std::as_writable_bytes(std::span(buffer.data(), buffer.size())), input_ended);
        if (!step)
            return out;
        check(step->consumed <= input.size(), "no more is taken than was given");
        check(step->produced <= buffer.size(), "no more is written than fits");
        check(
            guard.count(step->consumed, step->produced).has_value(),
            "the guard leaves small things alone");
        out.text.append(buffer.data(), step->produced);
        at += step->consumed;
        if (step->consumed > 0 || step->produced > 0)
            continue;
        check(input.empty() || decoder->complete(), "a step with input left gets on");
        if (input_ended) {
            out.complete = decoder->complete() && at == packed.size();
            return out;
        }
        end += std::min(pieces.next(), packed.size() - end);
    }
    out.cut = true;
    out.text.resize(output_bytes_max);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    static constexpr std::array kinds{
        archive::encoding::gzip, archive::encoding::zstd, archive::encoding::xz,
        archive::encoding::bzip2};
    const archive::encoding kind = kinds[data[0] % kinds.size()];
    const auto packed = as_text(data + 2, size - 2);
    const outcome whole = decode(kind, packed, true, piece_sizes(0));
    const outcome pieces = decode(kind, packed, false, piece_sizes(data[1]));
    const auto [shorter, longer] =
        std::minmax(whole.text, pieces.text, [](const std::string& a, const std::string& b) {
            return a.size() < b.size();
        });
    check(longer.starts_with(shorter), "the text does not depend on the pieces");
    if (whole.cut || pieces.cut)
        return 0;
    // Damage and truncation may trade places (libzstd notices some damage only in pieces).
    check(whole.complete == pieces.complete, "nor does acceptance");
    check(!whole.complete || whole.text == pieces.text, "a whole stream gives all its text");
    return 0;
}
