// The body of a blob on its way up, made from what the archive holds, checked against what the
// archive promises.
#pragma once

#include "archive/archive_file.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"
#include "registry/blob_upload.hpp"

#include <memory>

namespace tarpon::engine {

/// What is known of a blob when its body has gone through.
struct blob_facts {
    descriptor content; ///< digest and size of what was sent; no media type
    digest diff_id;     ///< empty where the plain bytes were not seen
};

/// A body that reports what it found out. `facts` and `busy` must outlive it.
std::unique_ptr<registry::upload_body> open_blob_body(
    run_context& run, const archive::archive_file& file, const archive::archive_contents& contents,
    const blob_job& job, blob_facts& facts, activity& busy);

/// Checks digests and sizes of a finished body. Throws errc::digest_mismatch.
void check_blob(const blob_job& job, const pipeline::layer_facts& found);

} // namespace tarpon::engine
