// See spool.hpp.
#include "engine/spool.hpp"

#include "archive/outer_source.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace tarpon::engine {

namespace asio = boost::asio;

namespace {

/// The folder of --spool is not there, or we may not write into it.
error unusable_folder(const std::string& folder) {
    const int why = errno;
    return error(
        errc::usage, concat("cannot use the folder ", foreign_text(folder), " of --spool"),
        std::strerror(why));
}

/// The disk, mostly because it is full.
error cannot_spool(const std::string& folder) {
    const int why = errno;
    const bool full = why == ENOSPC || why == EDQUOT || why == EFBIG;
    return error(
        errc::storage, concat("cannot write to the folder ", foreign_text(folder), " of --spool"),
        std::strerror(why),
        full ? "--spool with a folder that has more room; without it nothing is written to disk"
             : "");
}

/// Unnamed where the file system can do that, else unlinked at once.
int open_unnamed(const std::string& folder) {
    const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    std::string name = folder + "/.tarpon-XXXXXX";
    const int named = ::mkostemp(name.data(), O_CLOEXEC);
    if (named >= 0)
        ::unlink(name.c_str());
    return named;
}

void write_all(int fd, std::span<const std::byte> bytes, const std::string& folder) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            throw cannot_spool(folder);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

} // namespace

asio::awaitable<archive::archive_file>
spool_archive(run_context& run, std::string name, byte_source& from) {
    const std::string& folder = run.options.spool;
    archive::outer_source plain(from, run.workers);
    co_await plain.open();
    const int fd = open_unnamed(folder);
    if (fd < 0)
        throw errno == ENOSPC || errno == EDQUOT ? cannot_spool(folder) : unusable_folder(folder);
    // The file owns the descriptor from here on; its size is looked at again when all is written.
    const archive::archive_file owner = archive::archive_file::adopt(fd, name).value();
    std::vector<std::byte> piece(limits::block_bytes);
    while (true) {
        const std::size_t size = co_await read_full(plain, piece);
        if (size == 0)
            break;
        auto write = [&] {
            write_all(fd, std::span<const std::byte>(piece).first(size), folder);
        };
        co_await async::run_on(run.workers.get_executor(), write);
    }
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        throw cannot_spool(folder);
    co_return archive::archive_file::adopt(copy, name).value();
}

} // namespace tarpon::engine
