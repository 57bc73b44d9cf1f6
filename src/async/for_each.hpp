// A bounded number of coroutines working through a list.
#pragma once

#include "async/task_group.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <functional>

namespace tarpon::async {

namespace detail {
inline boost::asio::awaitable<void> work_through(
    std::size_t& next,
    std::size_t count,
    const std::function<boost::asio::awaitable<void>(std::size_t)>& work) {
    while (next < count) {
        const std::size_t mine = next++;
        co_await work(mine);
    }
}
} // namespace detail

/// Calls `work(0)` to `work(count - 1)`, in that order, at most `at_a_time` of them under way. The
/// first failure cancels the rest and is thrown.
inline boost::asio::awaitable<void> for_each_index(
    std::size_t count,
    std::size_t at_a_time,
    std::function<boost::asio::awaitable<void>(std::size_t)> work) {
    const auto executor = co_await boost::asio::this_coro::executor;
    std::size_t next = 0;
    task_group group(executor);
    for (std::size_t i = 0; i < at_a_time && i < count; ++i)
        group.spawn(detail::work_through(next, count, work));
    co_await group.join();
}

} // namespace tarpon::async
