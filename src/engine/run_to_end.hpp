// The frame of a run: progress reports beside its work, and its end.
#pragma once

#include "engine/run_context.hpp"

#include <tarpon/push.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// Awaits `work`, which must not throw, and makes the report. An interrupt that came before it
/// began is reported as one of `first` (empty: not reported).
boost::asio::awaitable<push_report>
run_to_end(run_context& run, std::string first, boost::asio::awaitable<void> work);

} // namespace tarpon::engine
