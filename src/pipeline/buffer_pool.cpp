// See buffer_pool.hpp.
#include "pipeline/buffer_pool.hpp"

#include <tarpon/error.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace tarpon::pipeline {

namespace asio = boost::asio;

buffer_lease::buffer_lease(buffer_lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr))
    , memory_(std::exchange(other.memory_, nullptr))
    , size_(std::exchange(other.size_, 0))
    , ahead_(other.ahead_) {}

buffer_lease& buffer_lease::operator=(buffer_lease&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(ahead_, other.ahead_);
    return *this;
}

buffer_lease::~buffer_lease() {
    if (memory_)
        pool_->give_back(memory_, size_, ahead_);
}

/// A call that waits, but not in line.
class buffer_pool::wait_ahead {
public:
    explicit wait_ahead(buffer_pool& pool)
        : pool_(pool) {
        ++pool_.waiting_ahead_;
        pool_.tell_wanted();
    }
    ~wait_ahead() {
        --pool_.waiting_ahead_;
        pool_.tell_wanted();
    }
    wait_ahead(const wait_ahead&) = delete;
    wait_ahead& operator=(const wait_ahead&) = delete;

private:
    buffer_pool& pool_;
};

buffer_pool::want buffer_pool::wanted() const noexcept {
    if (waiting_ahead_ > 0)
        return want::ahead;
    return waiting_.empty() ? want::nothing : want::in_line;
}

void buffer_pool::tell_wanted() const {
    if (tell_wanted_)
        tell_wanted_(wanted());
}

buffer_pool::buffer_pool(const asio::any_io_executor& executor, std::uint64_t bytes_max)
    : bytes_max_(bytes_max)
    , bytes_in_line_max_(bytes_max)
    , changed_(executor) {}

buffer_pool::~buffer_pool() {
    assert(bytes_used_ == 0);
}

void buffer_pool::keep_to(std::uint64_t bytes) noexcept {
    bytes_in_line_max_ = std::min(bytes, bytes_max_);
    changed_.notify_all();
}

/// A lease that is larger than what may be given out waits until it is the only one in line.
bool buffer_pool::fits(std::size_t size) const noexcept {
    const std::uint64_t in_line = bytes_used_ - bytes_ahead_ + size;
    return bytes_used_ + size <= bytes_max_
           && in_line <= std::max<std::uint64_t>(bytes_in_line_max_, size);
}

bool buffer_pool::available(std::size_t size) const noexcept {
    return waiting_.empty() && fits(size);
}

asio::awaitable<buffer_lease> buffer_pool::acquire(std::size_t size) {
    if (size > bytes_max_)
        throw error(errc::internal, "a buffer larger than the whole memory cap was asked for");
    struct place_in_line {
        buffer_pool& pool;
        std::uint64_t ticket;
        ~place_in_line() {
            std::erase(pool.waiting_, ticket);
            pool.changed_.notify_all();
            pool.tell_wanted();
        }
    };
    if (!available(size)) {
        const place_in_line place{*this, next_ticket_++};
        waiting_.push_back(place.ticket);
        tell_wanted();
        while (waiting_.front() != place.ticket || !fits(size))
            co_await changed_.wait();
    }
    co_return give(size, false);
}

asio::awaitable<buffer_lease> buffer_pool::acquire_ahead(std::size_t size) {
    if (size > bytes_max_)
        throw error(errc::internal, "a buffer larger than the whole memory cap was asked for");
    if (bytes_used_ + size > bytes_max_) {
        const wait_ahead here(*this);
        while (bytes_used_ + size > bytes_max_)
            co_await changed_.wait();
    }
    co_return give(size, true);
}

buffer_lease buffer_pool::give(std::size_t size, bool ahead) {
    buffer_lease lease;
    // Registries say how large a chunk is, blocks have few sizes.
    lease.memory_ = ahead ? take_chunk(size) : take_block(size);
    lease.size_ = size;
    lease.ahead_ = ahead;
    lease.pool_ = this;
    leases_in_line_ += ahead ? 0 : 1;
    bytes_used_ += size;
    bytes_ahead_ += ahead ? size : 0;
    bytes_peak_ = std::max(bytes_peak_, bytes_used_);
    return lease;
}

std::byte* buffer_pool::take_block(std::size_t size) {
    const auto blocks_max = static_cast<std::size_t>(bytes_max_ / std::max<std::size_t>(size, 1));
    block_memory& memory = blocks_.try_emplace(size, size, blocks_max).first->second;
    if (memory.idle() > 0)
        bytes_idle_ -= size;
    else
        discard_idle_for(size);
    return memory.take();
}

std::byte* buffer_pool::take_chunk(std::size_t size) {
    discard_idle_for(size);
    return new std::byte[size];
}

/// Idle blocks of other sizes count against the cap too.
void buffer_pool::discard_idle_for(std::size_t size) noexcept {
    while (bytes_idle_ > 0 && bytes_used_ + bytes_idle_ + size > bytes_max_) {
        const auto of = std::find_if(
            blocks_.begin(), blocks_.end(), [](const auto& one) { return one.second.idle() > 0; });
        of->second.discard();
        bytes_idle_ -= of->first;
        if (of->second.empty())
            blocks_.erase(of);
    }
}

void buffer_pool::give_back(std::byte* memory, std::size_t size, bool ahead) noexcept {
    leases_in_line_ -= ahead ? 0 : 1;
    bytes_used_ -= size;
    bytes_ahead_ -= ahead ? size : 0;
    if (ahead) {
        delete[] memory;
    } else {
        bytes_idle_ += size;
        blocks_.at(size).give_back(memory);
    }
    changed_.notify_all();
    if (wanted() != want::nothing)
        tell_wanted();
}

asio::awaitable<void> buffer_pool::drained() {
    const wait_ahead here(*this);
    while (bytes_used_ > 0)
        co_await changed_.wait();
}

} // namespace tarpon::pipeline
