// All large buffers of a run, under one cap: the only place where a reader waits for memory.
//
// `acquire` is first come, first served, so nobody starves. A lease is one block of memory; what
// needs two areas (input and output of a compressor) takes one lease for both, so that no two
// owners can each hold what the other waits for.
#pragma once

#include "async/condition.hpp"
#include "pipeline/block_memory.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>

namespace tarpon::pipeline {

class buffer_pool;

/// Move-only; gives its memory back when it goes. Only on the pool's I/O thread.
class buffer_lease {
public:
    buffer_lease() = default;
    buffer_lease(buffer_lease&& other) noexcept;
    buffer_lease& operator=(buffer_lease&& other) noexcept;
    ~buffer_lease();

    std::span<std::byte> bytes() const noexcept { return {memory_, size_}; }
    explicit operator bool() const noexcept { return memory_ != nullptr; }

private:
    friend class buffer_pool;
    buffer_pool* pool_ = nullptr;
    std::byte* memory_ = nullptr;
    std::size_t size_ = 0;
    bool ahead_ = false;
};

class buffer_pool {
public:
    buffer_pool(const boost::asio::any_io_executor& executor, std::uint64_t bytes_max);
    /// Asserts that every lease came back.
    ~buffer_pool();
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    /// Waits until `size` bytes fit under the cap. Who waits must hold no other lease of the line.
    /// A single lease over the cap is an error of class internal: callers size their blocks from
    /// `bytes_max`.
    boost::asio::awaitable<buffer_lease> acquire(std::size_t size);
    /// The same for what others with memory wait for: it does not stand in line behind them, and
    /// only the cap itself holds it back. Its sum must leave room for one of their leases.
    boost::asio::awaitable<buffer_lease> acquire_ahead(std::size_t size);
    /// From now on acquire() gives out only so much at a time, and never nothing. Only the last
    /// call counts.
    void keep_to(std::uint64_t bytes) noexcept;
    /// How much somebody waits for memory. `in_line`: acquire() does, and leases come back by
    /// themselves. `ahead`: others cannot go on before acquire_ahead() or drained() has ended.
    enum class want { nothing, in_line, ahead };
    /// Told at each change, and at each lease that comes back (not at new ones) as long as
    /// somebody waits: so that who keeps leases only because it may lets go.
    void when_wanted(std::function<void(want)> tell) { tell_wanted_ = std::move(tell); }
    /// acquire()'s that have not come back.
    std::size_t leases_in_line() const noexcept { return leases_in_line_; }
    /// Would acquire(size) return without waiting?
    bool available(std::size_t size) const noexcept;
    /// Completes when no lease is out; for the end of a run. Counts as a wait.
    boost::asio::awaitable<void> drained();

    std::uint64_t bytes_max() const noexcept { return bytes_max_; }
    std::uint64_t bytes_used() const noexcept { return bytes_used_; }
    /// The most that was out at any time.
    std::uint64_t bytes_peak() const noexcept { return bytes_peak_; }

private:
    friend class buffer_lease;
    class wait_ahead;

    void give_back(std::byte* memory, std::size_t size, bool ahead) noexcept;
    std::byte* take_block(std::size_t size);
    std::byte* take_chunk(std::size_t size);
    void discard_idle_for(std::size_t size) noexcept;

    want wanted() const noexcept;
    void tell_wanted() const;
    bool fits(std::size_t size) const noexcept;
    buffer_lease give(std::size_t size, bool ahead);

    const std::uint64_t bytes_max_;
    std::uint64_t bytes_in_line_max_;
    std::uint64_t bytes_ahead_ = 0; ///< of bytes_used_: acquire_ahead()'s
    std::uint64_t bytes_used_ = 0;
    std::uint64_t bytes_idle_ = 0;
    std::uint64_t bytes_peak_ = 0;
    std::uint64_t next_ticket_ = 0;
    std::size_t leases_in_line_ = 0;
    int waiting_ahead_ = 0; ///< calls that wait, but not in line
    std::function<void(want)> tell_wanted_;
    std::deque<std::uint64_t> waiting_;
    /// acquire()'s, by their size, of which there is one for each codec. What comes back is kept:
    /// fresh pages cost more than the copy they hold.
    std::map<std::size_t, block_memory> blocks_;
    async::condition changed_;
};

} // namespace tarpon::pipeline
