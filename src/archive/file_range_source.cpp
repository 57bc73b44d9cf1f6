// See file_range_source.hpp.
#include "archive/file_range_source.hpp"

#include <algorithm>
#include <fcntl.h>

namespace tarpon::archive {

file_range_source::file_range_source(
    const archive_file& file, std::uint64_t offset, std::uint64_t size, async::cpu_pool& workers)
    : file_(file)
    , offset_(offset)
    , left_(size)
    , workers_(workers) {
    ::posix_fadvise(
        file.fd(), static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_SEQUENTIAL);
}

boost::asio::awaitable<std::size_t> file_range_source::read_some(std::span<std::byte> into) {
    const auto wanted =
        into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
    if (wanted.empty())
        co_return std::size_t{0};
    auto work = [file = &file_, offset = offset_, wanted] {
        return file->read_at(offset, wanted);
    };
    const auto outcome = co_await async::run_on(workers_.get_executor(), std::move(work));
    outcome.value();
    offset_ += wanted.size();
    left_ -= wanted.size();
    co_return wanted.size();
}

} // namespace tarpon::archive
