// The body of a blob on its way up, checked against what the archive promises.
#pragma once

#include "engine/blob_supply.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"
#include "pipeline/layer_stream.hpp"
#include "registry/blob_upload.hpp"

#include <memory>

namespace tarpon::engine {

/// A body from memory (configs, inline data). `bytes` and `facts` must outlive it.
std::unique_ptr<registry::upload_body>
make_memory_body(const std::string& bytes, const digest& known, blob_facts& facts);

/// A body from the archive that writes into `facts` what it found out. References must outlive it.
std::unique_ptr<registry::upload_body> make_entry_body(
    run_context& run, blob_input input, const blob_job& job, blob_facts& facts, activity& busy);

/// The compressor for a treatment.
std::shared_ptr<const pipeline::block_codec>
codec_for(const layer_treatment& treatment, const push_options& options);

/// Checks the digests of a blob that has gone through. Throws errc::digest_mismatch.
void check_blob(const blob_job& job, const pipeline::layer_facts& found);

/// A byte source that counts what it gives, for the summary and the display.
class counted_source final : public byte_source {
public:
    counted_source(byte_source& inner, run_context& run, activity& busy)
        : inner_(inner)
        , run_(run)
        , busy_(busy) {}
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;
    /// The inner source threw.
    bool failed() const noexcept { return failed_; }

private:
    byte_source& inner_;
    run_context& run_;
    activity& busy_;
    std::uint64_t read_ = 0;
    bool failed_ = false;
};

} // namespace tarpon::engine
