// A tar stream -> its entries, without I/O: the caller brings the bytes the reader asks for.
//
// The reader only ever sees headers. When it reports an entry the caller moves over the body
// (reading it, or seeking past it) and goes on with the next header. So one reader serves both
// the index pass over a file and the single pass over a pipe.
#pragma once

#include "archive/tar_header.hpp"

#include <tarpon/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

namespace tarpon::archive {

enum class entry_kind {
    file,
    hard_link, ///< `link` is relative to the archive's root
    symlink,   ///< `link` is relative to the entry's folder
    directory,
    sparse,  ///< content is not the stored bytes: must not be used
    special, ///< devices, FIFOs, volume labels, unknown types
};

/// One entry. `name` and `link` are as stored (see entry_name.hpp for look-ups).
struct tar_entry {
    std::string name;
    std::string link;
    entry_kind kind = entry_kind::file;
    std::uint64_t offset = 0; ///< of the body, from the start of the tar
    std::uint64_t size = 0;   ///< of the body; padded(size) bytes follow the header
};

class tar_reader {
public:
    /// Nothing to report yet: bring `wanted()` bytes again.
    struct more {};
    /// The end-of-archive marker: whatever follows is padding.
    struct end {};
    using event = std::variant<more, tar_entry, end>;

    /// How many bytes the next `consume` must be given: one block, or a whole extension payload
    /// with its padding (at most limits::tar_extension_bytes_max + 511).
    std::size_t wanted() const noexcept { return wanted_; }

    /// Takes exactly `wanted()` bytes. After a tar_entry the caller skips padded(size) bytes
    /// before the next call.
    /// Errors: errc::archive_damaged, errc::archive_limit, errc::archive_unsupported; the reader
    /// must not be used after an error.
    result<event> consume(std::span<const std::byte> bytes);

    /// The input ended where `wanted()` bytes were due and `got` of them came. Fine between
    /// entries (writers that leave out the end marker), errc::archive_truncated elsewhere.
    result<void> finish(std::size_t got) const;
    /// At least one block of the end-of-archive marker was there; some writers leave out the other.
    bool end_seen() const noexcept {
        return state_ == state::second_zero_block || state_ == state::ended;
    }

    /// Bytes of the tar up to the next header.
    std::uint64_t offset() const noexcept { return offset_; }
    std::uint64_t entries() const noexcept { return entries_; }

private:
    enum class state { header, payload, sparse_map, second_zero_block, ended };
    enum class extension { pax, pax_global, gnu_name, gnu_link };

    result<event> on_header(std::span<const std::byte, tar_block_bytes> block);
    result<event> on_extension(extension kind, const tar_header& header);
    result<event> on_payload(std::span<const std::byte> bytes);
    result<event> on_sparse_map(std::span<const std::byte> block);
    result<event> make_entry(tar_header header);
    result<void> check_extension_order(extension kind) const;
    void forget_extensions();

    state state_ = state::header;
    std::size_t wanted_ = tar_block_bytes;
    std::uint64_t offset_ = 0;
    std::uint64_t entries_ = 0;

    extension payload_kind_ = extension::pax;
    std::size_t payload_bytes_ = 0;

    // What extension headers said of the entry to come.
    int extensions_ = 0;
    bool pax_seen_ = false;
    bool pax_sparse_ = false;
    std::optional<std::string> pax_path_, pax_link_, gnu_path_, gnu_link_;
    std::optional<std::uint64_t> pax_size_;

    tar_entry sparse_entry_;
    int sparse_blocks_ = 0;
};

} // namespace tarpon::archive
