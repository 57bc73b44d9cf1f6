// A part of an archive file as a byte source; reads happen on the CPU pool.
#pragma once

#include "archive/archive_file.hpp"
#include "async/run_on.hpp"
#include "model/byte_stream.hpp"

namespace tarpon::archive {

class file_range_source final : public byte_source {
public:
    /// `file` must outlive the source.
    file_range_source(
        const archive_file& file,
        std::uint64_t offset,
        std::uint64_t size,
        async::cpu_pool& workers);

    /// Throws errc::archive_truncated when the file ends inside the range.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

private:
    const archive_file& file_;
    std::uint64_t offset_;
    std::uint64_t left_;
    async::cpu_pool& workers_;
};

} // namespace tarpon::archive
