// An awaitable with a time limit, for clean-up that must not hold anyone up.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace tarpon::async {

/// Runs `work` until it ends or the time is over (then it is cancelled and awaited). Whatever it
/// throws is dropped: this is for best-effort work. Returns whether it came to a good end.
/// Cancel: terminal; the work is cancelled and awaited, throws system_error(operation_aborted).
boost::asio::awaitable<bool>
best_effort(boost::asio::awaitable<void> work, std::chrono::steady_clock::duration time);

} // namespace tarpon::async
