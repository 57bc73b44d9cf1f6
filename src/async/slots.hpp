// A bounded number of coroutines of one I/O thread at a time: the heaviest first, and of equal
// weight who came first. With a limit of 1: one after the other.
#pragma once

#include "async/condition.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <list>
#include <optional>
#include <utility>

namespace tarpon::async {

class slots {
public:
    slots(const boost::asio::any_io_executor& executor, int limit)
        : changed_(executor)
        , limit_(limit) {}
    slots(const slots&) = delete;
    slots& operator=(const slots&) = delete;

    /// Move-only; gives its slot back at its end.
    class lease {
    public:
        explicit lease(slots& from) noexcept
            : from_(&from) {}
        lease(lease&& other) noexcept
            : from_(std::exchange(other.from_, nullptr)) {}
        lease& operator=(lease&&) = delete;
        ~lease();

    private:
        slots* from_;
    };

    /// Throws system_error(operation_aborted) when the waiting coroutine is cancelled. The slots
    /// must outlive their leases.
    boost::asio::awaitable<lease> acquire(std::uint64_t weight = 0);
    /// Nothing if there is no free slot, or if somebody waits for it.
    std::optional<lease> try_acquire();
    /// For whoever comes next; leases that are out stay.
    void set_limit(int limit);
    int in_use() const noexcept { return in_use_; }

private:
    class place_in_line;

    condition changed_;
    std::list<std::uint64_t> line_; ///< weights; who waits knows its place
    int limit_;
    int in_use_ = 0;
};

} // namespace tarpon::async
