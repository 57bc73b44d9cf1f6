// Memory for blocks of one size: side by side, so that the system can put the processor's large
// pages under them (docs/performance.md has what that is worth).
//
// Address space for all of them is set aside at once; a page, which may be one of 2 MiB, costs
// memory from the first time that it is written to until its block is discarded. Of a large page
// that is discarded in part, the system may keep the rest back until memory is short.
#pragma once

#include <cstddef>
#include <vector>

namespace tarpon::pipeline {

class block_memory {
public:
    /// For up to `blocks_max` at a time. Throws std::bad_alloc without address space for them.
    block_memory(std::size_t block_bytes, std::size_t blocks_max);
    /// Every block has come back.
    ~block_memory();
    block_memory(const block_memory&) = delete;
    block_memory& operator=(const block_memory&) = delete;

    /// The one that came back last if there is one: a processor's cache may still have it.
    std::byte* take();
    void give_back(std::byte* block) noexcept;

    /// Blocks that came back, and still have their pages.
    std::size_t idle() const noexcept { return idle_.size(); }
    /// No block is out or idle.
    bool empty() const noexcept { return out_ == 0 && idle_.empty(); }
    /// Gives the pages of the idle block that came back first to the system. There must be one.
    void discard() noexcept;

private:
    const std::size_t block_bytes_;
    const std::size_t stride_; ///< from one block to the next
    const std::size_t mapped_bytes_;
    void* mapped_ = nullptr;
    std::byte* fresh_ = nullptr;        ///< the first block that was never taken
    std::vector<std::byte*> idle_;      ///< the last came back last
    std::vector<std::byte*> discarded_; ///< without pages
    std::size_t out_ = 0;
};

} // namespace tarpon::pipeline
