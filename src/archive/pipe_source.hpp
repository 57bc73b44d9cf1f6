// Standard input, a FIFO or a socket as a byte source, on the I/O thread.
#pragma once

#include "model/byte_stream.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace tarpon::archive {

class pipe_source final : public byte_source {
public:
    /// Borrows `fd`, which must stay open; its flags are put back at the end. Asks for a larger
    /// pipe buffer.
    pipe_source(const boost::asio::any_io_executor& executor, int fd);
    ~pipe_source() override;

    /// Throws errc::archive_unreadable; operation_aborted when cancelled.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

private:
    int original_fd_;
    int original_flags_;
    boost::asio::posix::stream_descriptor pipe_;
    bool first_read_ = true;
};

} // namespace tarpon::archive
