// A tar read twice, as both users of the reader do: bodies skipped by seeking, and everything
// passing through in pieces of any size. Both must see the same entries and the same end.
#include "archive/entry_table.hpp"
#include "archive/pax_records.hpp"
#include "archive/tar_reader.hpp"
#include "fuzz.hpp"
#include "tar_mutator.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <vector>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using archive::tar_entry;
using archive::tar_reader;

struct listing {
    std::vector<tar_entry> entries;
    result<void> outcome;
};

bool same(const tar_entry& a, const tar_entry& b) {
    return a.name == b.name && a.link == b.link && a.kind == b.kind && a.offset == b.offset
           && a.size == b.size;
}

/// One step of the reader with its bounds checked; false when the listing is complete.
bool step(tar_reader& reader, std::span<const std::byte> bytes, listing& out) {
    const std::uint64_t before = reader.offset();
    auto event = reader.consume(bytes);
    if (!event) {
        out.outcome = event.error();
        return false;
    }
    check(reader.offset() > before, "the reader moves on");
    check(
        reader.wanted() > 0 && reader.wanted() <= limits::tar_extension_bytes_max + 511,
        "wanted() is bounded");
    if (auto* entry = std::get_if<tar_entry>(&*event)) {
        check(
            entry->offset + archive::padded(entry->size) == reader.offset(),
            "the next header follows the body");
        out.entries.push_back(std::move(*entry));
    }
    return !std::holds_alternative<tar_reader::end>(*event);
}

listing list_by_seeking(std::span<const std::byte> tar) {
    listing out;
    tar_reader reader;
    while (true) {
        const auto at =
            static_cast<std::size_t>(std::min<std::uint64_t>(tar.size(), reader.offset()));
        const auto left = tar.subspan(at);
        if (left.size() < reader.wanted()) {
            out.outcome = reader.finish(left.size());
            return out;
        }
        if (!step(reader, left.first(reader.wanted()), out))
            return out;
    }
}

/// Like archive/tar_stream, without coroutines: a window, and a count of body bytes to pass.
listing list_by_streaming(std::span<const std::byte> tar, piece_sizes pieces) {
    listing out;
    tar_reader reader;
    std::vector<std::byte> window;
    std::uint64_t body_left = 0;
    std::size_t at = 0;
    while (true) {
        const auto skipped =
            static_cast<std::size_t>(std::min<std::uint64_t>(body_left, window.size()));
        window.erase(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(skipped));
        body_left -= skipped;
        if (body_left == 0 && window.size() >= reader.wanted()) {
            const std::vector<std::byte> bytes(
                window.begin(), window.begin() + static_cast<std::ptrdiff_t>(reader.wanted()));
            window.erase(
                window.begin(), window.begin() + static_cast<std::ptrdiff_t>(bytes.size()));
            const std::size_t entries = out.entries.size();
            if (!step(reader, bytes, out))
                return out;
            if (out.entries.size() > entries)
                body_left = archive::padded(out.entries.back().size);
            continue;
        }
        if (at == tar.size()) {
            out.outcome = reader.finish(window.size());
            return out;
        }
        const auto piece = tar.subspan(at, std::min(pieces.next(), tar.size() - at));
        window.insert(window.end(), piece.begin(), piece.end());
        at += piece.size();
    }
}

void check_entries(const listing& l, std::size_t tar_bytes) {
    archive::entry_table table;
    std::uint64_t end = 0;
    for (const tar_entry& entry : l.entries) {
        check(entry.offset >= end + archive::tar_block_bytes, "bodies do not overlap");
        end = entry.offset + entry.size;
        check(entry.name.size() <= limits::tar_name_bytes_max, "names are bounded");
        check(entry.name.find('\0') == entry.name.npos, "no NUL in a name");
        table.add(entry);
    }
    check(l.entries.size() <= tar_bytes / archive::tar_block_bytes, "a header for every entry");
    for (const tar_entry& entry : l.entries) {
        const auto found = table.find(entry.name);
        check(
            !found || table.at(*found).kind == archive::entry_kind::file,
            "look-ups end at regular files");
    }
}

} // namespace

extern "C" std::size_t
LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max, unsigned seed) {
    return mutate_tar(data, size, size_max, seed, false);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto tar = as_bytes(as_text(data, size));
    const listing seeking = list_by_seeking(tar);
    check_entries(seeking, size);
    const listing streaming = list_by_streaming(tar, piece_sizes(size == 0 ? 0 : data[size / 2]));
    check(
        std::equal(
            seeking.entries.begin(), seeking.entries.end(), streaming.entries.begin(),
            streaming.entries.end(), same),
        "both see the same entries");
    check(seeking.outcome.has_value() == streaming.outcome.has_value(), "both end alike");
    check(
        seeking.outcome.has_value()
            || seeking.outcome.error().code == streaming.outcome.error().code,
        "both fail alike");
    (void)archive::parse_pax_records(as_text(data, size));
    return 0;
}
