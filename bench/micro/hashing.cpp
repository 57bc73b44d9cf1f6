// How fast is one core at the digests? Bytes per second of input.
#include "micro/material.hpp"
#include "model/hasher.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace tarpon;

void hash(benchmark::State& state, digest::algorithm algo) {
    const std::string input = bench::noise(512 * 1024);
    hasher h(algo);
    for (auto _ : state)
        h.update(input);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(input.size()));
}

BENCHMARK_CAPTURE(hash, sha256, digest::algorithm::sha256);
BENCHMARK_CAPTURE(hash, sha512, digest::algorithm::sha512);

} // namespace
