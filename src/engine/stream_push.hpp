// An archive that can be read only once: a pipe, or a file with outer compression.
//
// The names and the order of layers come last in nearly every archive, so large entries are pushed
// while they pass, before anyone knows which image they belong to:
//
//   small entries and JSON      kept in memory, pushed at the end if something refers to them
//   other entries               candidates: compressed if they are plain tars, pushed as they are
//                               if not, into the repository the user named, or into a staging one
//   blobs/sha256/<hex>          asked for first; what the registry has is read past and hashed
//
// At the end the metadata is resolved exactly as for a file, and the plan finds most of its blobs
// pushed already: they are mounted into their repositories, or copied where mounts are refused.
#pragma once

#include "engine/archive_push.hpp"
#include "engine/run_context.hpp"
#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// `from` gives the archive, with outer compression or without. Throws `error` and
/// operation_aborted; images that fail are reported through `run`.
boost::asio::awaitable<void>
push_stream(run_context& run, std::string name, byte_source& from, const archive_place& place);

} // namespace tarpon::engine
