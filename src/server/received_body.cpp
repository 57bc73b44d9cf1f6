// See received_body.hpp.
#include "server/received_body.hpp"

#include "model/text.hpp"

namespace tarpon::server {

namespace asio = boost::asio;

error archive_too_large(std::uint64_t bytes_max) {
    return {
        errc::archive_limit,
        concat("the archive is larger than ", human_bytes(bytes_max), " (--max-upload)")};
}

received_body::received_body(
    const asio::any_io_executor& executor, byte_source& from, std::uint64_t bytes_max)
    : from_(from)
    , bytes_max_(bytes_max)
    , changed_(executor) {}

asio::awaitable<std::size_t> received_body::read_some(std::span<std::byte> into) {
    std::size_t got = 0;
    std::exception_ptr broken;
    try {
        got = co_await from_.read_some(into);
    } catch (const error&) {
        broken = std::current_exception();
    }
    if (stopped_)
        throw error(errc::cancelled, "the server is being stopped");
    broke_off_ = broken != nullptr;
    if (broken)
        std::rethrow_exception(broken);
    bytes_ += got;
    if (bytes_max_ > 0 && bytes_ > bytes_max_) {
        too_large_ = true;
        throw archive_too_large(bytes_max_);
    }
    if (got == 0) {
        ended_ = true;
        changed_.notify_all();
    }
    co_return got;
}

asio::awaitable<void> received_body::wait_for_end() {
    while (!ended_)
        co_await changed_.wait();
}

} // namespace tarpon::server
