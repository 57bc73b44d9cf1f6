// Turns to upload to one host: as many at a time as concurrency_limit says, first come, first
// served. (A pipe's layers must get their turns in their order: a later one cannot be read while an
// earlier one that waits holds the memory.)
#pragma once

#include "async/condition.hpp"
#include "registry/concurrency_limit.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <utility>

namespace tarpon::registry {

class upload_slots {
public:
    upload_slots(const boost::asio::any_io_executor& executor, int ceiling)
        : limit_(ceiling)
        , changed_(executor) {}
    upload_slots(const upload_slots&) = delete;
    upload_slots& operator=(const upload_slots&) = delete;

    /// Move-only; gives its slot back at its end.
    class lease {
    public:
        explicit lease(upload_slots& from) noexcept
            : from_(&from) {}
        lease(lease&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)) {}
        lease& operator=(lease&&) = delete;
        ~lease();

    private:
        upload_slots* from_;
    };

    /// Cancel: terminal. The slots must outlive their leases.
    boost::asio::awaitable<lease> acquire();

    concurrency_limit& limit() noexcept { return limit_; }
    int in_use() const noexcept { return in_use_; }

private:
    class place_in_line;
    bool may_go(std::uint64_t ticket) const noexcept {
        return line_.front() == ticket && in_use_ < limit_.value();
    }

    concurrency_limit limit_;
    async::condition changed_;
    std::deque<std::uint64_t> line_;
    std::uint64_t next_ticket_ = 0;
    int in_use_ = 0;
};

} // namespace tarpon::registry
