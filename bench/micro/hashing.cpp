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

/// Two messages at a time; bytes of both.
void hash_both(benchmark::State& state) {
    const std::string inputs[] = {bench::noise(512 * 1024), bench::noise(512 * 1024)};
    hasher a;
    hasher b;
    for (auto _ : state) {
        std::span<const std::byte> rest_a = std::as_bytes(std::span(inputs[0]));
        std::span<const std::byte> rest_b = std::as_bytes(std::span(inputs[1]));
        hasher::update_both(a, rest_a, b, rest_b);
    }
    state.SetBytesProcessed(state.iterations() * 2 * 512 * 1024);
}

BENCHMARK_CAPTURE(hash, sha256, digest::algorithm::sha256);
BENCHMARK_CAPTURE(hash, sha512, digest::algorithm::sha512);
BENCHMARK(hash_both);

} // namespace
