// One archive, from opening it to its last tag.
#pragma once

#include "archive/contents.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace tarpon::engine {

/// Which of an archive's images go where; by default all that the run's destination gives a place.
/// Throws `error`.
using target_finder = std::function<target_list(const archive::archive_contents&)>;

/// Where the images of one archive go.
struct archive_place {
    destination where; ///< also where blobs of a single pass are staged
    target_finder find_targets;
    /// A packed archive of which nothing is to be sent, for a dry run or because no image of it may
    /// go: it is read to its end, then planned like a plain one.
    bool look_only = false;
};

archive_place default_place(const run_context& run);

/// `what` with what failed on which archive: it could not be read, or not be pushed.
error of_archive(error what, const std::string& name);

/// `name` is a path, or "-" for standard input. Reports what was pushed and what failed through
/// `run`; throws only when it is cancelled.
boost::asio::awaitable<void> push_archive(run_context& run, std::string name, archive_place place);

/// The same for an archive that passes by once.
boost::asio::awaitable<void> push_passing(run_context& run, std::string name, byte_source& from);

} // namespace tarpon::engine
