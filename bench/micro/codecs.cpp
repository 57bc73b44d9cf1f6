// How fast is each compression engine and level on one core, and how small does it get? Bytes per
// second of input; `ratio` is output to input.
#include "micro/material.hpp"
#include "pipeline/block_codec.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>

namespace {

using namespace tarpon;

void encode(benchmark::State& state, compression kind, const std::string& input) {
    const auto codec = pipeline::make_codec(kind, static_cast<int>(state.range(0)));
    const auto bytes = std::as_bytes(std::span(input));
    const std::size_t step = std::min(codec->block_bytes(), bytes.size());
    std::string output(codec->output_bytes_max(step), '\0');
    std::size_t produced = 0;
    std::size_t consumed = 0;
    for (auto _ : state) {
        for (std::size_t at = 0; at + step <= bytes.size(); at += step) {
            const auto history = bytes.first(at).last(std::min(codec->history_bytes(), at));
            const auto block = codec->encode(
                history, bytes.subspan(at, step), std::as_writable_bytes(std::span(output)));
            produced += block.size;
            consumed += step;
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(consumed));
    state.counters["ratio"] = static_cast<double>(produced) / static_cast<double>(consumed);
}

void gzip_text(benchmark::State& state) {
    encode(state, compression::gzip, bench::text(8 << 20));
}
void gzip_noise(benchmark::State& state) {
    encode(state, compression::gzip, bench::noise(8 << 20));
}
void zstd_text(benchmark::State& state) {
    encode(state, compression::zstd, bench::text(8 << 20));
}

BENCHMARK(gzip_text)->Arg(1)->Arg(2)->Arg(3)->Arg(6)->Arg(9);
BENCHMARK(gzip_noise)->Arg(1)->Arg(2)->Arg(6);
BENCHMARK(zstd_text)->Arg(1)->Arg(3)->Arg(9);

} // namespace
