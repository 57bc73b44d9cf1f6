// The state machine over header blocks and extension payloads.
//
// Where two well-known readers would see different entries in the same bytes, this one refuses:
// that difference is how members get smuggled past a check (GHSA-3pv8-6f4r-ffg2 and its kin).
#include "archive/tar_reader.hpp"

#include "archive/pax_records.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::archive {
namespace {

failure damaged(std::string_view why) {
    return {errc::archive_damaged, std::string(why)};
}

failure too_many_entries() {
    return {
        errc::archive_limit,
        concat("more than ", limits::tar_entries_max, " entries (tar_entries_max)")};
}

entry_kind kind_of(char type) noexcept {
    switch (type) {
    case '0':
        return entry_kind::file;
    case '1':
        return entry_kind::hard_link;
    case '2':
        return entry_kind::symlink;
    case '5':
        return entry_kind::directory;
    case 'S':
        return entry_kind::sparse;
    default:
        return entry_kind::special;
    }
}

/// Types whose header has no body by definition.
bool is_header_only(char type) noexcept {
    return type >= '1' && type <= '6';
}

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

result<tar_reader::event> tar_reader::consume(std::span<const std::byte> bytes) {
    if (bytes.size() != wanted_)
        return failure{errc::internal, "the tar reader was given a wrong number of bytes"};
    offset_ += bytes.size();
    switch (state_) {
    case state::header:
        return on_header(bytes.first<tar_block_bytes>());
    case state::payload:
        return on_payload(bytes);
    case state::sparse_map:
        return on_sparse_map(bytes);
    case state::second_zero_block:
        if (!is_zero_block(bytes.first<tar_block_bytes>()))
            return damaged("one zero block in the middle of the archive");
        state_ = state::ended;
        return event(end{});
    case state::ended:
        break;
    }
    return event(end{});
}

result<void> tar_reader::finish(std::size_t got) const {
    if (end_seen())
        return {};
    if (state_ == state::header && got == 0 && extensions_ == 0)
        return {};
    return failure{
        errc::archive_truncated, concat("it ends inside a tar header at byte ", offset_ + got)};
}

result<tar_reader::event> tar_reader::on_header(std::span<const std::byte, tar_block_bytes> block) {
    if (is_zero_block(block)) {
        if (extensions_ != 0)
            return damaged("an extension header without an entry");
        state_ = state::second_zero_block;
        return event(more{});
    }
    auto header = parse_tar_header(block);
    if (!header)
        return header.error();
    switch (header->type) {
    case 'x':
        return on_extension(extension::pax, *header);
    case 'g':
        return on_extension(extension::pax_global, *header);
    case 'L':
        return on_extension(extension::gnu_name, *header);
    case 'K':
        return on_extension(extension::gnu_link, *header);
    default:
        return make_entry(std::move(*header));
    }
}

result<void> tar_reader::check_extension_order(extension kind) const {
    if (extensions_ > limits::tar_extensions_per_entry_max)
        return failure{
            errc::archive_limit,
            concat(
                "more than ", limits::tar_extensions_per_entry_max,
                " extension headers before one entry (tar_extensions_per_entry_max)")};
    // Does this size belong to the extension header or to the entry behind it? Readers differ.
    if (pax_size_)
        return damaged("a PAX size is followed by another extension header");
    const bool twice = (kind == extension::pax && pax_seen_)
                       || (kind == extension::gnu_name && gnu_path_)
                       || (kind == extension::gnu_link && gnu_link_);
    if (twice)
        return damaged("two extension headers of one kind before one entry");
    return {};
}

result<tar_reader::event> tar_reader::on_extension(extension kind, const tar_header& header) {
    ++extensions_;
    if (const auto order = check_extension_order(kind); !order)
        return order.error();
    if (header.size > limits::tar_extension_bytes_max)
        return failure{
            errc::archive_limit,
            concat(
                "an extension header of ", header.size, " bytes, over ",
                limits::tar_extension_bytes_max, " (tar_extension_bytes_max)")};
    payload_kind_ = kind;
    payload_bytes_ = static_cast<std::size_t>(header.size);
    if (payload_bytes_ == 0) {
        // Nothing to read. Two readers agree only where the payload may be empty.
        if (kind == extension::gnu_name || kind == extension::gnu_link)
            return damaged("an empty GNU long name");
        pax_seen_ |= kind == extension::pax;
        return event(more{});
    }
    state_ = state::payload;
    wanted_ = static_cast<std::size_t>(padded(payload_bytes_));
    return event(more{});
}

result<tar_reader::event> tar_reader::on_payload(std::span<const std::byte> bytes) {
    state_ = state::header;
    wanted_ = tar_block_bytes;
    const std::string_view payload = as_text(bytes.first(payload_bytes_));
    if (payload_kind_ == extension::gnu_name || payload_kind_ == extension::gnu_link) {
        const std::string_view name = payload.substr(0, payload.find('\0'));
        if (name.size() > limits::tar_name_bytes_max)
            return failure{
                errc::archive_limit,
                concat(
                    "an entry name is longer than ", limits::tar_name_bytes_max,
                    " bytes (tar_name_bytes_max)")};
        (payload_kind_ == extension::gnu_name ? gnu_path_ : gnu_link_) = std::string(name);
        return event(more{});
    }
    auto records = parse_pax_records(payload);
    if (!records)
        return records.error();
    if (payload_kind_ == extension::pax_global) {
        // A global header belongs to no entry; git writes one with a comment. It still counts as
        // one, so that a stream of nothing else ends.
        --extensions_;
        if (++entries_ > limits::tar_entries_max)
            return too_many_entries();
        if (records->path || records->link_path || records->size || records->sparse)
            return failure{
                errc::archive_unsupported, "a global PAX header that renames or resizes entries"};
        return event(more{});
    }
    pax_seen_ = true;
    pax_path_ = std::move(records->path);
    pax_link_ = std::move(records->link_path);
    pax_size_ = records->size;
    pax_sparse_ = records->sparse;
    return event(more{});
}

result<tar_reader::event> tar_reader::make_entry(tar_header header) {
    if ((pax_path_ && gnu_path_ && pax_path_ != gnu_path_)
        || (pax_link_ && gnu_link_ && pax_link_ != gnu_link_))
        return damaged("PAX and GNU headers give one entry two names");
    if (++entries_ > limits::tar_entries_max)
        return too_many_entries();
    tar_entry entry;
    entry.kind = pax_sparse_ ? entry_kind::sparse : kind_of(header.type);
    entry.name = pax_path_ ? *pax_path_ : gnu_path_ ? *gnu_path_ : std::move(header.name);
    entry.link = pax_link_ ? *pax_link_ : gnu_link_ ? *gnu_link_ : std::move(header.link);
    entry.size = pax_size_.value_or(header.size);
    entry.offset = offset_;
    if (is_header_only(header.type)) {
        // GNU tar, Python and Go agree that a hard link has no body whatever its size says; for
        // the others they do not agree.
        if (entry.size != 0 && header.type != '1')
            return damaged("a link, folder or device with a body");
        entry.size = 0;
    }
    forget_extensions();
    if (header.sparse_continues) {
        state_ = state::sparse_map;
        sparse_entry_ = std::move(entry);
        sparse_blocks_ = 0;
        return event(more{});
    }
    offset_ += padded(entry.size);
    return event(std::move(entry));
}

// Old GNU sparse: 512-byte blocks of map follow the header; byte 504 says whether one more comes.
result<tar_reader::event> tar_reader::on_sparse_map(std::span<const std::byte> block) {
    if (++sparse_blocks_ > limits::tar_sparse_blocks_max)
        return failure{
            errc::archive_limit, concat(
                                     "a sparse map of more than ", limits::tar_sparse_blocks_max,
                                     " blocks (tar_sparse_blocks_max)")};
    if (block[504] != std::byte{0})
        return event(more{});
    state_ = state::header;
    sparse_entry_.offset = offset_;
    offset_ += padded(sparse_entry_.size);
    return event(std::move(sparse_entry_));
}

void tar_reader::forget_extensions() {
    extensions_ = 0;
    pax_seen_ = false;
    pax_sparse_ = false;
    pax_path_.reset();
    pax_link_.reset();
    gnu_path_.reset();
    gnu_link_.reset();
    pax_size_.reset();
}

} // namespace tarpon::archive
