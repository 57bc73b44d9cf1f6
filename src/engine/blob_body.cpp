// See blob_body.hpp.
#include "engine/blob_body.hpp"

#include "archive/decoding_source.hpp"
#include "archive/file_range_source.hpp"
#include "model/text.hpp"

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

/// Content that is in memory anyway: configs, inline data.
class memory_body final : public registry::upload_body {
public:
    memory_body(const std::string& bytes, const digest& known, blob_facts& facts)
        : bytes_(bytes), known_(known), facts_(facts) {}

    asio::awaitable<body_piece> next() override {
        if (std::exchange(given_, true))
            co_return body_piece{};
        co_return body_piece{std::as_bytes(std::span(bytes_.data(), bytes_.size())), nullptr};
    }
    std::optional<std::uint64_t> length() const override { return bytes_.size(); }
    asio::awaitable<descriptor> finish() override {
        facts_.content = {{}, known_, bytes_.size()};
        co_return facts_.content;
    }

private:
    const std::string& bytes_;
    const digest known_;
    blob_facts& facts_;
    bool given_ = false;
};

/// Counts what is read from the archive, for the summary and the display.
class counted_source final : public byte_source {
public:
    counted_source(std::unique_ptr<byte_source> inner, run_context& run, activity& busy)
        : inner_(std::move(inner)), run_(run), busy_(busy) {}

    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const std::size_t got = co_await inner_->read_some(into);
        read_ += got;
        run_.report.summary.bytes_read += got;
        run_.totals.bytes_done += got;
        busy_.done(read_);
        co_return got;
    }

private:
    std::unique_ptr<byte_source> inner_;
    run_context& run_;
    activity& busy_;
    std::uint64_t read_ = 0;
};

compression codec_of(const layer_treatment& treatment) {
    if (!treatment.encode)
        return compression::none;
    return treatment.form == registry::layer_form::zstd ? compression::zstd : compression::gzip;
}

class entry_body final : public registry::upload_body {
public:
    entry_body(
        run_context& run, std::unique_ptr<byte_source> stored, const blob_job& job, blob_facts& facts, activity& busy)
        : job_(job), facts_(facts), stored_(std::make_unique<counted_source>(std::move(stored), run, busy)) {
        if (job.treatment.decode)
            decoded_ = std::make_unique<archive::decoding_source>(*stored_, job.stored, run.workers);
        const compression kind = codec_of(job.treatment);
        std::optional<std::uint64_t> length;
        if (job.treatment.as_is())
            length = job.stored_bytes;
        const auto algo = job.known && !job.suggested ? job.known->algo() : digest::algorithm::sha256;
        stream_.emplace(
            run.workshop(), decoded_ ? static_cast<byte_source&>(*decoded_) : *stored_,
            pipeline::make_codec(kind, kind == compression::none ? 0 : run.options.compression_level), length, algo);
    }

    asio::awaitable<body_piece> next() override { return stream_->next(); }
    std::optional<std::uint64_t> length() const override { return stream_->length(); }
    asio::awaitable<descriptor> finish() override {
        const pipeline::layer_facts found = co_await stream_->finish();
        check_blob(job_, found);
        facts_.content = {{}, found.digest, found.bytes};
        if (job_.diff_id)
            facts_.diff_id = found.diff_id;
        co_return facts_.content;
    }

private:
    const blob_job& job_;
    blob_facts& facts_;
    std::unique_ptr<byte_source> stored_;
    std::unique_ptr<byte_source> decoded_;
    std::optional<pipeline::layer_stream> stream_;
};

} // namespace

void check_blob(const blob_job& job, const pipeline::layer_facts& found) {
    const auto mismatch = [&](std::string_view what, const digest& wanted, const digest& got) {
        return error(
            errc::digest_mismatch, concat(what, " ", wanted.brief(), " of the archive has other content than its metadata says"),
            concat("expected ", wanted.str(), ", found ", got.str()));
    };
    if (job.diff_id && found.diff_id != *job.diff_id)
        throw mismatch("layer", *job.diff_id, found.diff_id);
    const bool promised = job.known && !job.suggested && job.treatment.as_is();
    if (promised && found.digest != *job.known)
        throw mismatch("blob", *job.known, found.digest);
}

std::unique_ptr<registry::upload_body> open_blob_body(
    run_context& run, const archive::archive_file& file, const archive::archive_contents& contents,
    const blob_job& job, blob_facts& facts, activity& busy) {
    if (!job.entry)
        return std::make_unique<memory_body>(*job.bytes, *job.known, facts);
    const archive::tar_entry& entry = contents.entries.at(*job.entry);
    if (job.known && !job.suggested && job.treatment.as_is() && entry.size != job.stored_bytes)
        throw error(
            errc::digest_mismatch, concat("blob ", job.known->brief(), " has ", entry.size, " bytes in the archive, its descriptor says ", job.stored_bytes));
    auto stored = std::make_unique<archive::file_range_source>(file, entry.offset, entry.size, run.workers);
    return std::make_unique<entry_body>(run, std::move(stored), job, facts, busy);
}

} // namespace tarpon::engine
