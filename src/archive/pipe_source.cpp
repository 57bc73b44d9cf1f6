// See pipe_source.hpp.
#include "archive/pipe_source.hpp"

#include "async/tokens.hpp"
#include "model/text.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace tarpon::archive {

namespace {

int duplicate(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        throw error(errc::archive_unreadable, std::strerror(errno));
    return copy;
}

} // namespace

pipe_source::pipe_source(const boost::asio::any_io_executor& executor, int fd)
    : original_fd_(fd)
    , original_flags_(::fcntl(fd, F_GETFL))
    , pipe_(executor) {
    // Fewer wake-ups of both sides; refused for sockets and over the user's quota, which is fine.
    (void)::fcntl(fd, F_SETPIPE_SZ, limits::pipe_bytes_wanted);
    boost::system::error_code ec;
    pipe_.assign(duplicate(fd), ec);
    if (ec)
        throw error(
            errc::archive_unreadable, "standard input cannot be read", foreign_text(ec.message()));
}

pipe_source::~pipe_source() {
    // Non-blocking mode belongs to the open file, which others (the shell) share with us.
    (void)::fcntl(original_fd_, F_SETFL, original_flags_);
}

boost::asio::awaitable<std::size_t> pipe_source::read_some(std::span<std::byte> into) {
    if (std::exchange(first_read_, false)) {
        // A FIFO that nobody has opened for writing yet would read as ended.
        (void)co_await pipe_.async_wait(
            boost::asio::posix::stream_descriptor::wait_read, async::nothrow);
        co_await async::throw_if_stopped();
    }
    const auto got = co_await pipe_.async_read_some(
        boost::asio::buffer(into.data(), into.size()), async::nothrow);
    const auto ec = std::get<0>(got);
    co_await async::throw_if_stopped();
    if (ec == boost::asio::error::eof)
        co_return std::size_t{0};
    if (ec)
        throw error(errc::archive_unreadable, foreign_text(ec.message()));
    co_return std::get<1>(got);
}

} // namespace tarpon::archive
