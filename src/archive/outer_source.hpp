// Takes the outer compression off an archive, whatever it is: gzip, zstd, xz, bzip2, or none.
#pragma once

#include "archive/decoder.hpp"
#include "archive/encoding.hpp"
#include "async/run_on.hpp"
#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace tarpon::archive {

class outer_source final : public byte_source {
public:
    /// `from` must outlive this.
    outer_source(byte_source& from, async::cpu_pool& workers);

    /// Looks at the first bytes. Once, before reading. Throws errc::archive_empty, archive_not_tar,
    /// archive_limit (compressed too often).
    boost::asio::awaitable<void> open();
    /// Throws errc::archive_limit when all compressions together expand too much.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

    /// The outermost compression; encoding::tar if there is none.
    encoding outermost() const noexcept { return outermost_; }

private:
    byte_source* source_;
    async::cpu_pool& workers_;
    encoding outermost_ = encoding::tar;
    // Each decoder guards itself; a bomb in a bomb shows only from end to end.
    expansion_guard guard_;
    std::uint64_t packed_bytes_ = 0;  ///< read from the outermost source
    std::uint64_t counted_bytes_ = 0; ///< of them, those the guard knows
    std::vector<std::unique_ptr<byte_source>> layers_;
};

} // namespace tarpon::archive
