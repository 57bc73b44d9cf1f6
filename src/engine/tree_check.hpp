// Chooses the part of an OCI image that is pushed, asking the registry about what the archive
// lacks.
#pragma once

#include "archive/contents.hpp"
#include "engine/image_tree.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::engine {

/// Manifests and blobs that are not in the archive must be in the repository. What is in neither is
/// an error, or is left out of the index (push_options::if_platforms_missing).
/// Throws errc::archive_platform_missing (names the platforms), archive_blob_missing.
boost::asio::awaitable<image_tree> choose_tree(
    run_context& run,
    const archive::archive_contents& contents,
    const descriptor& root,
    const repository& where);

} // namespace tarpon::engine
