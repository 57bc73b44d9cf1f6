// Layers that need not be read and compressed again, without any memory of earlier pushes: an image
// that a registry has names its layers (in its manifest) and what they unpack to (in its config).
// Where that is a layer of ours, in the form we would push, theirs is ours.
#pragma once

#include "archive/oci_document.hpp"
#include "engine/blob_supply.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace tarpon::engine {

class reusable_layers {
public:
    /// The layers of an image in `where`. Does nothing where manifest and config do not fit
    /// together.
    void
    add(const repository& where,
        const archive::manifest_document& manifest,
        const archive::image_config& config);

    /// Where the layer of this job may be, in the form the job wants. The registry has to be asked
    /// whether it is still there.
    std::vector<pushed_earlier> find(const blob_job& job) const;

private:
    /// What the plain bytes hash to, and the media type in its OCI form.
    std::map<std::pair<std::string, std::string>, std::vector<pushed_earlier>> layers_;
};

/// Reads the config of an image in `where` and adds its layers. What cannot be read is of no use,
/// and no failure.
boost::asio::awaitable<void> learn_image(
    run_context& run, repository where, archive::manifest_document manifest, reusable_layers& into);

/// The same for push_options::reuse_from: each image, or the images of each index. A reference that
/// is not there is worth a warning.
boost::asio::awaitable<void> learn_references(run_context& run, reusable_layers& into);

} // namespace tarpon::engine
