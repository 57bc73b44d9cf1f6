// See block_memory.hpp.
#include "pipeline/block_memory.hpp"

#include <sanitizer/asan_interface.h> // its macros do nothing without that sanitizer
#include <sys/mman.h>

#include <cassert>
#include <cstdint>
#include <new>
#include <unistd.h>

namespace tarpon::pipeline {
namespace {

constexpr std::size_t large_page_bytes = 2 * 1024 * 1024;

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t guard_bytes = 4096; // after each block, and never readable
#else
constexpr std::size_t guard_bytes = 0;
#endif

std::size_t rounded_up(std::size_t bytes, std::size_t unit) noexcept {
    return (bytes + unit - 1) / unit * unit;
}

std::byte* aligned(void* at, std::size_t unit) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return static_cast<std::byte*>(at) + (rounded_up(address, unit) - address);
}

std::size_t page_bytes() noexcept {
    return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

block_memory::block_memory(std::size_t block_bytes, std::size_t blocks_max)
    : block_bytes_(block_bytes)
    , stride_(rounded_up(block_bytes + guard_bytes, page_bytes()))
    , mapped_bytes_(stride_ * blocks_max + large_page_bytes) {
    idle_.reserve(blocks_max);
    discarded_.reserve(blocks_max);
    mapped_ = mmap(
        nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
        -1, 0);
    if (mapped_ == MAP_FAILED)
        throw std::bad_alloc();
    fresh_ = aligned(mapped_, large_page_bytes);
    // Where there are none, or none are wanted, ordinary pages do.
    (void)madvise(mapped_, mapped_bytes_, MADV_HUGEPAGE);
    ASAN_POISON_MEMORY_REGION(mapped_, mapped_bytes_);
}

block_memory::~block_memory() {
    assert(out_ == 0);
    ASAN_UNPOISON_MEMORY_REGION(mapped_, mapped_bytes_);
    munmap(mapped_, mapped_bytes_);
}

std::byte* block_memory::take() {
    std::byte* block = nullptr;
    for (auto* from : {&idle_, &discarded_}) {
        if (block || from->empty())
            continue;
        block = from->back();
        from->pop_back();
    }
    if (!block) {
        block = fresh_;
        fresh_ += stride_;
    }
    ++out_;
    ASAN_UNPOISON_MEMORY_REGION(block, block_bytes_);
    return block;
}

void block_memory::give_back(std::byte* block) noexcept {
    ASAN_POISON_MEMORY_REGION(block, block_bytes_);
    --out_;
    idle_.push_back(block);
}

void block_memory::discard() noexcept {
    std::byte* const block = idle_.front();
    idle_.erase(idle_.begin());
    discarded_.push_back(block);
    (void)madvise(block, stride_, MADV_DONTNEED);
}

} // namespace tarpon::pipeline
