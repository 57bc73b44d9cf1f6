// The completion token of this project besides use_awaitable, and a look at cancellation.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tarpon::async {

/// Errors come back as the first member of a tuple; for operations whose failure is normal.
inline constexpr auto nothrow = boost::asio::as_tuple(boost::asio::use_awaitable);

/// Throws system_error(operation_aborted) if the calling coroutine was cancelled. For places where
/// a failed operation was taken with `nothrow` and may have failed for that reason.
boost::asio::awaitable<void> throw_if_stopped();

} // namespace tarpon::async
