// What a push has to have left in a fake registry, as assertions.
#pragma once

#include "archive/oci_document.hpp"
#include "support/image_builder.hpp"
#include "support/push_scene.hpp"

#include <string>

namespace tarpon::test {

archive::manifest_document document_of(const fake_registry::stored_manifest* stored);
archive::manifest_document
tagged(const push_scene& s, const std::string& repository, const std::string& tag);

/// The stored manifest is this image, with gzip layers.
void check_image(
    const push_scene& s,
    const std::string& repository,
    const std::string& tag,
    const built_image& image);

/// Everything was pushed, no tag names what is not there, and no upload is left open.
void check_done(const push_scene& s, const push_report& report);

} // namespace tarpon::test
