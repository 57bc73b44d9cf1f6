// The event loop, turned by hand: for tests that must act at one moment, or look at what is left
// when a coroutine has ended.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>

namespace tarpon::test {

/// Lets everything that is ready run once.
inline boost::asio::awaitable<void> one_turn(boost::asio::io_context& io) {
    co_await boost::asio::post(io, boost::asio::use_awaitable);
}

/// Runs `work` on a context of the test, which may have servers on it that go on. Throws what
/// `work` throws.
inline void run_on_context(
    boost::asio::io_context& io,
    boost::asio::awaitable<void> work,
    std::chrono::seconds deadline = std::chrono::seconds(60)) {
    std::optional<std::exception_ptr> outcome;
    auto on_end = [&](std::exception_ptr failed) {
        outcome = failed;
    };
    boost::asio::co_spawn(io, std::move(work), on_end);
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!outcome && io.run_one_until(end) > 0)
        continue;
    if (!outcome)
        throw std::runtime_error("the coroutine did not end within its deadline");
    if (*outcome)
        std::rethrow_exception(*outcome);
}

} // namespace tarpon::test
