// Awaitables with a time limit: clean-up that must not hold anyone up, and work that is better
// ended than stopped half way.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace tarpon::async {

/// Runs `work` until it ends or the time is over (then it is cancelled and awaited). Whatever it
/// throws is dropped: this is for best-effort work. Returns whether it came to a good end.
/// Cancel: terminal; the work is cancelled and awaited, throws system_error(operation_aborted).
boost::asio::awaitable<bool>
best_effort(boost::asio::awaitable<void> work, std::chrono::steady_clock::duration time);

/// Runs `work`, and once it began, to its end: for what leaves something behind that only its
/// answer tells how to clean up. Cancel: terminal; reaches the work only when `grace` is over,
/// throws system_error(operation_aborted) when the work has ended.
boost::asio::awaitable<void>
with_grace(boost::asio::awaitable<void> work, std::chrono::steady_clock::duration grace);

} // namespace tarpon::async
