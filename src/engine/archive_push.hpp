// One archive, from opening it to its last tag.
#pragma once

#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// `name` is a path, or "-" for standard input. Reports what was pushed and what failed through
/// `run`; throws only when it is cancelled.
boost::asio::awaitable<void> push_archive(run_context& run, std::string name);

/// The same for an archive that passes by once.
boost::asio::awaitable<void> push_passing(run_context& run, std::string name, byte_source& from);

} // namespace tarpon::engine
