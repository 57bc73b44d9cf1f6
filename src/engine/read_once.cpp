// See read_once.hpp.
#include "engine/read_once.hpp"

#include "archive/outer_source.hpp"
#include "archive/tar_stream.hpp"
#include "model/hasher.hpp"

#include <tarpon/limits.hpp>

#include <vector>

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

/// Entries as they pass: small ones are kept, of large ones there is a digest, to tell repeated
/// names apart from ambiguous ones.
asio::awaitable<void> look_at(
    archive::tar_stream& tar,
    const archive::tar_entry& entry,
    stream_contents& seen,
    async::cpu_pool& workers) {
    passed_entry& passed = seen.at(entry);
    const auto start = co_await tar.peek(archive::sniff_bytes);
    passed.stored = archive::sniff_encoding(start);
    const bool kept = co_await seen.keep_if_small(tar, entry);
    if (kept)
        co_return;
    hasher content;
    std::vector<std::byte> piece(limits::tar_window_bytes);
    while (true) {
        const std::size_t got = co_await tar.read_some(piece);
        if (got == 0)
            break;
        auto hash = [&content, bytes = std::span<const std::byte>(piece).first(got)] {
            content.update(bytes);
        };
        co_await async::run_on(workers.get_executor(), hash);
    }
    passed.stored_digest = content.finish();
}

} // namespace

asio::awaitable<passed_archive> read_once(byte_source& from, async::cpu_pool& workers) {
    archive::outer_source plain(from, workers);
    co_await plain.open();
    archive::tar_stream tar(plain);
    archive::entry_table entries;
    passed_archive out;
    while (true) {
        const auto entry = co_await tar.next();
        if (!entry)
            break;
        const auto id = entries.add(*entry);
        if (!id || entry->kind != archive::entry_kind::file)
            continue;
        const archive::tar_entry stored = entries.at(*id);
        co_await look_at(tar, stored, out.seen, workers);
    }
    co_await tar.drain();
    out.contents = archive::read_contents(std::move(entries), out.seen, tar.ended_early()).value();
    out.outermost = plain.outermost();
    co_return out;
}

} // namespace tarpon::engine
