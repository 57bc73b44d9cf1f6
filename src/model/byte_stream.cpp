// See byte_stream.hpp.
#include "model/byte_stream.hpp"

namespace tarpon {

boost::asio::awaitable<std::size_t> read_full(byte_source& source, std::span<std::byte> into) {
    std::size_t total = 0;
    while (total < into.size()) {
        const std::size_t got = co_await source.read_some(into.subspan(total));
        if (got == 0)
            break;
        total += got;
    }
    co_return total;
}

} // namespace tarpon
