// How many entries a second does the tar reader take? Headers only; bodies are skipped.
#include "archive/tar_reader.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <string>

namespace {

using namespace tarpon;

std::string header(unsigned number) {
    std::string block(512, '\0');
    std::snprintf(block.data(), 100, "blobs/sha256/%064u", number);
    std::snprintf(block.data() + 124, 12, "%011o", 1000u);
    block[156] = '0';
    std::snprintf(block.data() + 257, 8, "ustar");
    block[263] = block[264] = '0';
    unsigned sum = 8 * ' ';
    for (const char c : block)
        sum += static_cast<unsigned char>(c);
    std::snprintf(block.data() + 148, 8, "%06o", sum);
    return block;
}

void entries(benchmark::State& state) {
    std::string headers;
    for (unsigned i = 0; i < 1000; ++i)
        headers += header(i);
    for (auto _ : state) {
        archive::tar_reader reader;
        for (std::size_t at = 0; at < headers.size(); at += 512) {
            auto event = reader.consume(std::as_bytes(std::span(headers).subspan(at, 512)));
            benchmark::DoNotOptimize(event);
        }
    }
    state.SetItemsProcessed(state.iterations() * 1000);
}

BENCHMARK(entries);

} // namespace
