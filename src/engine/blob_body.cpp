// See blob_body.hpp.
#include "engine/blob_body.hpp"

#include "archive/decoding_source.hpp"
#include "model/text.hpp"

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

class memory_body final : public registry::upload_body {
public:
    memory_body(const std::string& bytes, const digest& known, blob_facts& facts)
        : bytes_(bytes)
        , known_(known)
        , facts_(facts) {}

    asio::awaitable<body_piece> next() override {
        body_piece piece;
        if (!std::exchange(given_, true))
            piece.bytes = std::as_bytes(std::span(bytes_.data(), bytes_.size()));
        co_return piece;
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

class entry_body final : public registry::upload_body {
public:
    entry_body(
        run_context& run, blob_input input, const blob_job& job, blob_facts& facts, activity& busy)
        : job_(job)
        , facts_(facts)
        , stored_(std::move(input.bytes))
        , copy_of_(std::move(input.copy_of))
        , counted_(*stored_, run, busy) {
        byte_source* plain = &counted_;
        if (input.treatment.decode) {
            decoded_ =
                std::make_unique<archive::decoding_source>(counted_, input.stored, run.workers);
            plain = decoded_.get();
        }
        const auto algo = job.is_promised() ? job.known->algo() : digest::algorithm::sha256;
        stream_.emplace(
            run.workshop(), *plain, codec_for(input.treatment, run.options), input.length, algo);
    }

    /// A decoder does not know what it unpacks.
    asio::awaitable<body_piece> next() override {
        try {
            body_piece piece = co_await stream_->next();
            co_return piece;
        } catch (error& e) {
            if (decoded_ && class_of(e.code()) == error_class::archive)
                e.in(concat("layer ", job_.label));
            throw;
        }
    }
    std::optional<std::uint64_t> length() const override { return stream_->length(); }
    asio::awaitable<descriptor> finish() override {
        const pipeline::layer_facts found = co_await stream_->finish();
        if (copy_of_) {
            check_copy(found);
            facts_ = *copy_of_;
            co_return facts_.content;
        }
        check_blob(job_, found);
        facts_.content = {{}, found.digest, found.bytes};
        if (job_.diff_id)
            facts_.diff_id = found.diff_id;
        co_return facts_.content;
    }

private:
    /// Its diff_id was compared when it was pushed; compressed bytes do not show it again.
    void check_copy(const pipeline::layer_facts& found) const {
        const digest& wanted = copy_of_->content.digest;
        if (found.digest != wanted)
            throw error(
                errc::registry_protocol,
                concat("a registry gave other content back for blob ", wanted.brief()),
                concat("expected ", wanted.str(), ", found ", found.digest.str()));
    }

    const blob_job& job_;
    blob_facts& facts_;
    std::unique_ptr<byte_source> stored_;
    std::optional<blob_facts> copy_of_;
    counted_source counted_;
    std::unique_ptr<byte_source> decoded_;
    std::optional<pipeline::layer_stream> stream_;
};

} // namespace

asio::awaitable<std::size_t> counted_source::read_some(std::span<std::byte> into) {
    std::size_t got = 0;
    try {
        got = co_await inner_.read_some(into);
    } catch (...) {
        failed_ = true;
        throw;
    }
    read_ += got;
    run_.report.summary.bytes_read += got;
    run_.totals.bytes_done += busy_.advance(read_);
    co_return got;
}

std::shared_ptr<const pipeline::block_codec>
codec_for(const layer_treatment& treatment, const push_options& options) {
    if (!treatment.encode)
        return pipeline::make_codec(compression::none, 0);
    const bool zstd = treatment.form == registry::layer_form::zstd;
    return pipeline::make_codec(
        zstd ? compression::zstd : compression::gzip, options.compression_level);
}

void check_blob(const blob_job& job, const pipeline::layer_facts& found) {
    const auto mismatch = [&](std::string_view what, const digest& wanted, const digest& got) {
        return error(
            errc::digest_mismatch,
            concat(
                what, " ", wanted.brief(),
                " of the archive has other content than its metadata says"),
            concat("expected ", wanted.str(), ", found ", got.str()));
    };
    if (job.diff_id && found.diff_id != *job.diff_id)
        throw mismatch("layer", *job.diff_id, found.diff_id);
    if (job.is_promised() && found.digest != *job.known)
        throw mismatch("blob", *job.known, found.digest);
}

std::unique_ptr<registry::upload_body>
make_memory_body(const std::string& bytes, const digest& known, blob_facts& facts) {
    return std::make_unique<memory_body>(bytes, known, facts);
}

std::unique_ptr<registry::upload_body> make_entry_body(
    run_context& run, blob_input input, const blob_job& job, blob_facts& facts, activity& busy) {
    return std::make_unique<entry_body>(run, std::move(input), job, facts, busy);
}

} // namespace tarpon::engine
