// Runs a coroutine test to its end, or fails after a deadline instead of hanging.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace tarpon::test {

/// `make` is called with the io_context and returns the awaitable to run. What the coroutine
/// throws is thrown here.
template <class Make>
void run_coroutine(Make make, std::chrono::seconds deadline = std::chrono::seconds(60)) {
    boost::asio::io_context io{1};
    std::optional<std::exception_ptr> outcome;
    auto on_end = [&](std::exception_ptr failed) {
        outcome = failed;
    };
    boost::asio::co_spawn(io, make(io), on_end);
    io.run_for(deadline);
    if (!outcome)
        throw std::runtime_error("the coroutine did not end within its deadline");
    if (*outcome)
        std::rethrow_exception(*outcome);
}

} // namespace tarpon::test
