// What is remembered of the entries of an archive that passed by.
#pragma once

#include "archive/contents.hpp"
#include "archive/tar_stream.hpp"
#include "engine/blob_supply.hpp"
#include "engine/push_plan.hpp"

#include <map>
#include <optional>
#include <string>

namespace tarpon::engine {

/// One regular entry. Either its bytes were kept, or it was pushed, or it failed.
struct passed_entry {
    archive::encoding stored = archive::encoding::other;
    std::optional<std::string> kept;
    std::optional<error> failed;
    digest stored_digest; ///< of the bytes in the archive; empty where only other bytes were hashed
    layer_treatment treatment; ///< how it was pushed
    blob_facts facts;
    bool pushed = false;
};

/// Entries by the offset of their body, which is unique in an archive.
class stream_contents final : public archive::metadata_source {
public:
    passed_entry& at(const archive::tar_entry& entry) { return passed_[entry.offset]; }
    const passed_entry* find(const archive::tar_entry& entry) const;

    /// Reads the body of `tar`'s current entry into memory if it is small, or JSON, and there is
    /// room for it. Its encoding must be known. Throws errc::archive_limit for metadata that is
    /// too large.
    boost::asio::awaitable<bool>
    keep_if_small(archive::tar_stream& tar, const archive::tar_entry& entry);

    result<std::string> read(const archive::tar_entry& entry, std::uint64_t bytes_max) override;
    result<archive::encoding> sniff(const archive::tar_entry& entry) override;
    result<bool>
    same_content(const archive::tar_entry& left, const archive::tar_entry& right) override;

private:
    std::map<std::uint64_t, passed_entry> passed_;
    std::uint64_t kept_bytes_ = 0;
    std::uint64_t other_bytes_ = 0; ///< of these, neither metadata nor JSON
};

/// Blobs of a plan over entries that passed by.
class stream_supply final : public blob_supply {
public:
    stream_supply(
        run_context& run,
        const archive::archive_contents& contents,
        const stream_contents& passed,
        repository staging)
        : run_(run)
        , contents_(contents)
        , passed_(passed)
        , staging_(std::move(staging)) {}

    std::optional<pushed_earlier> find(const blob_job& job) override;
    boost::asio::awaitable<blob_input> open(const blob_job& job) override;
    void check_unchanged() override {}
    std::uint64_t bytes_to_read(const blob_job&) const override { return 0; }

private:
    const passed_entry& entry_of(const blob_job& job) const;

    run_context& run_;
    const archive::archive_contents& contents_;
    const stream_contents& passed_;
    repository staging_;
};

} // namespace tarpon::engine
