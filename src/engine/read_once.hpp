// All of an archive in one pass, of which nothing is pushed: its contents, for those who only look.
#pragma once

#include "archive/contents.hpp"
#include "archive/encoding.hpp"
#include "async/run_on.hpp"
#include "engine/stream_contents.hpp"
#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::engine {

struct passed_archive {
    archive::archive_contents contents;
    stream_contents seen;        ///< small entries; of large ones a digest
    archive::encoding outermost; ///< what the archive itself is packed with; tar: nothing
};

/// Reads `from` to its end and unpacks it. Throws `error`: archive_*.
boost::asio::awaitable<passed_archive> read_once(byte_source& from, async::cpu_pool& workers);

} // namespace tarpon::engine
