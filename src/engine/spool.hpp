// A pipe copied to a temporary file, for those who ask for it.
#pragma once

#include "archive/archive_file.hpp"
#include "engine/run_context.hpp"
#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// Reads `from` to its end into an unnamed file in push_options::spool (gone with its descriptor,
/// also after a crash), without outer compression. Throws errc::archive_*; errc::storage when the
/// folder cannot hold it.
boost::asio::awaitable<archive::archive_file>
spool_archive(run_context& run, std::string name, byte_source& from);

} // namespace tarpon::engine
