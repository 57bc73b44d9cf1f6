// Where the content of an archive's blobs comes from, once the plan is made.
//
// From a file it is read when it is needed. From a pipe it went by already: large blobs were pushed
// while they passed, and what is left is to say where they are, or to fetch them back from there.
#pragma once

#include "archive/archive_file.hpp"
#include "engine/push_plan.hpp"
#include "engine/run_context.hpp"
#include "model/byte_stream.hpp"

#include <tarpon/descriptor.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>

namespace tarpon::engine {

/// What is known of a blob when its bytes have gone through.
struct blob_facts {
    descriptor content; ///< digest and size of what was pushed; no media type
    digest diff_id;     ///< empty where the plain bytes were not seen
};

/// A blob that was pushed while the archive was read.
struct pushed_earlier {
    repository where;
    blob_facts facts;
};

/// Bytes to make a body from.
struct blob_input {
    std::unique_ptr<byte_source> bytes;
    archive::encoding stored = archive::encoding::other; ///< of `bytes`
    layer_treatment treatment;                           ///< from `bytes` to what is pushed
    std::optional<std::uint64_t> length;                 ///< of what is pushed, if known
    /// The bytes are a copy, as it is, of what was pushed earlier and checked then.
    std::optional<blob_facts> copy_of;
};

class blob_supply {
public:
    virtual ~blob_supply() = default;
    /// The job's blob in the form the job wants, if it is in a repository already. Throws
    /// errc::digest_mismatch when what passed by was not what the archive promises.
    virtual std::optional<pushed_earlier> find(const blob_job& job) = 0;
    /// For a job with an entry. Throws `error`.
    virtual boost::asio::awaitable<blob_input> open(const blob_job& job) = 0;
    /// Is the archive still the one the plan was made from? Throws errc::archive_changed.
    virtual void check_unchanged() = 0;
    /// May a blob be opened again, also by a later run? Then what is learned of it is worth
    /// remembering; of a pipe nothing is.
    virtual bool rereadable() const noexcept { return false; }
    /// Bytes of the archive that open() would read.
    virtual std::uint64_t bytes_to_read(const blob_job& job) const = 0;
};

class file_supply final : public blob_supply {
public:
    file_supply(
        run_context& run,
        const archive::archive_file& file,
        const archive::archive_contents& contents)
        : run_(run)
        , file_(file)
        , contents_(contents) {}

    std::optional<pushed_earlier> find(const blob_job&) override { return std::nullopt; }
    boost::asio::awaitable<blob_input> open(const blob_job& job) override;
    bool rereadable() const noexcept override { return true; }
    void check_unchanged() override { file_.check_unchanged().value(); }
    std::uint64_t bytes_to_read(const blob_job& job) const override {
        return job.entry ? job.stored_bytes : 0;
    }

private:
    run_context& run_;
    const archive::archive_file& file_;
    const archive::archive_contents& contents_;
};

} // namespace tarpon::engine
