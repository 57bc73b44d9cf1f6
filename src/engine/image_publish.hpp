// The last step of an image: its manifests, children first, and then its tags.
#pragma once

#include "engine/blob_body.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <vector>

namespace tarpon::engine {

/// What stands where an image is to go.
struct image_there {
    std::optional<registry::built_manifest> unchanged; ///< it is the image
    bool nothing = false;                              ///< under its first tag
    /// It is another one, whose layers may be ours.
    std::optional<archive::manifest_document> other;
};

/// Is the image in its repository as it stands? For a built image: the manifest of its first tag
/// has the same config, which names every layer; that manifest is then its manifest. For an image
/// pushed byte for byte: the tag has the root's digest.
boost::asio::awaitable<image_there>
look_at_image(run_context& run, const push_plan& plan, const image_job& job);

/// All blobs of the job are in its repository; `facts` are those of plan.blobs.
/// Throws `error`. No tag is written before everything else was accepted.
boost::asio::awaitable<void> publish_image(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    const std::vector<blob_facts>& facts);

/// The manifest is there already under some name: puts it under every tag of the job.
boost::asio::awaitable<void> publish_tags(
    run_context& run,
    const push_plan& plan,
    const image_job& job,
    registry::built_manifest manifest);

} // namespace tarpon::engine
