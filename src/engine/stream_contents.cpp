// See stream_contents.hpp.
#include "engine/stream_contents.hpp"

#include "engine/blob_body.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <cstring>

namespace tarpon::engine {

namespace asio = boost::asio;
using archive::tar_entry;

namespace {

constexpr std::string_view how_without_keeping =
    "a plain tar file, or --spool DIR, needs no such room";

/// Kept bytes as a source.
class kept_source final : public byte_source {
public:
    explicit kept_source(const std::string& bytes)
        : left_(bytes) {}
    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const std::size_t size = std::min(into.size(), left_.size());
        std::memcpy(into.data(), left_.data(), size);
        left_.remove_prefix(size);
        co_return size;
    }

private:
    std::string_view left_;
};

archive::encoding encoding_of(registry::layer_form form) {
    switch (form) {
    case registry::layer_form::gzip:
        return archive::encoding::gzip;
    case registry::layer_form::zstd:
        return archive::encoding::zstd;
    case registry::layer_form::plain:
        break;
    }
    return archive::encoding::tar;
}

/// Is what was pushed what the job wants?
bool same_form(const layer_treatment& pushed, const layer_treatment& wanted) {
    return pushed.as_is() == wanted.as_is() && (pushed.as_is() || pushed.form == wanted.form);
}

} // namespace

const passed_entry* stream_contents::find(const tar_entry& entry) const {
    const auto found = passed_.find(entry.offset);
    return found == passed_.end() ? nullptr : &found->second;
}

asio::awaitable<bool>
stream_contents::keep_if_small(archive::tar_stream& tar, const tar_entry& entry) {
    passed_entry& passed = at(entry);
    const bool metadata = entry.name == "manifest.json" || entry.name == "index.json"
                          || entry.name == "oci-layout" || entry.name == "repositories";
    const bool json = passed.stored == archive::encoding::json;
    const std::uint64_t bytes_max = metadata ? limits::docker_manifest_bytes_max
                                    : json   ? limits::kept_json_bytes_max
                                             : limits::kept_entry_bytes_max;
    if (entry.size > bytes_max) {
        if (metadata)
            throw error(
                errc::archive_limit,
                concat(entry.name, " has ", entry.size, " bytes, over ", bytes_max));
        co_return false;
    }
    // Metadata comes last, and finds room.
    const std::uint64_t total_max =
        limits::kept_total_bytes_max - (metadata ? 0 : limits::kept_metadata_bytes);
    const bool other = !metadata && !json;
    const bool full = kept_bytes_ + entry.size > total_max
                      || (other && other_bytes_ + entry.size > limits::kept_other_bytes_max);
    if (full) {
        if (metadata)
            throw error(
                errc::archive_limit,
                concat(
                    "more than ", human_bytes(limits::kept_total_bytes_max),
                    " of small entries (kept_total_bytes_max)"),
                {}, std::string(how_without_keeping));
        co_return false;
    }
    std::string bytes(static_cast<std::size_t>(entry.size), '\0');
    (void)co_await read_full(tar, std::as_writable_bytes(std::span(bytes)));
    kept_bytes_ += entry.size;
    if (other)
        other_bytes_ += entry.size;
    passed.kept = std::move(bytes);
    co_return true;
}

result<std::string> stream_contents::read(const tar_entry& entry, std::uint64_t bytes_max) {
    const passed_entry* passed = find(entry);
    if (entry.size > bytes_max)
        return failure{
            errc::archive_limit, concat(
                                     "entry \"", foreign_text(entry.name, 200), "\" has ",
                                     entry.size, " bytes, over ", bytes_max)};
    if (!passed || !passed->kept)
        return failure{
            errc::archive_limit,
            concat(
                "there was no room for entry \"", foreign_text(entry.name, 200), "\" (", entry.size,
                " bytes) beside other small ones; ", how_without_keeping)};
    return *passed->kept;
}

result<archive::encoding> stream_contents::sniff(const tar_entry& entry) {
    const passed_entry* passed = find(entry);
    return passed ? passed->stored : archive::encoding::other;
}

result<bool> stream_contents::same_content(const tar_entry& left, const tar_entry& right) {
    const passed_entry* a = find(left);
    const passed_entry* b = find(right);
    if (!a || !b || left.size != right.size || a->failed || b->failed)
        return false;
    if (a->kept && b->kept)
        return *a->kept == *b->kept;
    return !a->stored_digest.empty() && a->stored_digest == b->stored_digest;
}

const passed_entry& stream_supply::entry_of(const blob_job& job) const {
    const passed_entry* passed = passed_.find(contents_.entries.at(*job.entry));
    if (!passed)
        throw error(errc::internal, concat("entry ", job.label, " went by unnoticed"));
    return *passed;
}

std::optional<pushed_earlier> stream_supply::find(const blob_job& job) {
    if (!job.entry)
        return std::nullopt;
    const passed_entry& passed = entry_of(job);
    if (passed.failed)
        throw error(*passed.failed);
    if (!passed.pushed || !same_form(passed.treatment, job.treatment))
        return std::nullopt;
    pipeline::layer_facts found;
    found.diff_id =
        passed.facts.diff_id.empty() ? passed.facts.content.digest : passed.facts.diff_id;
    found.digest = passed.facts.content.digest;
    check_blob(job, found);
    const std::uint64_t size = contents_.entries.at(*job.entry).size;
    if (job.is_promised() && size != job.stored_bytes)
        throw error(
            errc::digest_mismatch,
            concat(
                "blob ", job.known->brief(), " has ", size,
                " bytes in the archive, its descriptor says ", job.stored_bytes));
    return pushed_earlier{staging_, passed.facts};
}

/// Kept entries come from memory; the rest is fetched back from where it was pushed, and unpacked
/// when it is wanted plain after all (a pure OCI archive with plain layers).
asio::awaitable<blob_input> stream_supply::open(const blob_job& job) {
    const passed_entry& passed = entry_of(job);
    blob_input input;
    if (passed.kept) {
        input.bytes = std::make_unique<kept_source>(*passed.kept);
        input.stored = job.stored;
        input.treatment = job.treatment;
        if (job.treatment.as_is())
            input.length = passed.kept->size();
        co_return input;
    }
    if (!passed.pushed)
        throw error(
            errc::archive_unsupported,
            concat("blob ", job.label, " cannot be read a second time from a pipe"));
    // The original bytes of a layer that was unpacked on its way are gone.
    const bool lost = passed.treatment.decode && job.treatment.as_is();
    if (lost)
        throw error(
            errc::archive_unsupported, concat(
                                           "blob ", job.label,
                                           " was recompressed on its way, and is needed as it was; "
                                           "push from a file, or leave out --compression"));
    input.bytes =
        co_await run_.registry(staging_).read_blob(staging_.path, passed.facts.content.digest);
    if (same_form(passed.treatment, job.treatment)) {
        input.length = passed.facts.content.size;
        input.copy_of = passed.facts;
        co_return input;
    }
    input.stored = passed.treatment.as_is() ? passed.stored : encoding_of(passed.treatment.form);
    input.treatment.form = job.treatment.form;
    input.treatment.decode = input.stored != archive::encoding::tar;
    input.treatment.encode = job.treatment.encode;
    co_return input;
}

} // namespace tarpon::engine
