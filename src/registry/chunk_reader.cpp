// See chunk_reader.hpp.
#include "registry/chunk_reader.hpp"

#include <algorithm>
#include <utility>

namespace tarpon::registry {

namespace asio = boost::asio;

asio::awaitable<bool> chunk_reader::read_piece() {
    if (piece_.empty() && !ended_) {
        piece_ = co_await from_.next();
        ended_ = piece_.empty();
    }
    co_return !ended_;
}

asio::awaitable<std::span<const std::byte>> chunk_reader::peek(std::size_t bytes) {
    const std::span<std::byte> memory = memory_.bytes;
    const std::size_t wanted = std::min(bytes, memory.size());
    if (held_ < wanted && begin_ > 0) {
        const auto rest = memory.subspan(begin_, held_);
        std::copy(rest.begin(), rest.end(), memory.begin()); // to the front, which may overlap
        begin_ = 0;
    }
    while (held_ < wanted) {
        const bool more = co_await read_piece();
        if (!more)
            break;
        const auto part = piece_.bytes.first(std::min(piece_.bytes.size(), wanted - held_));
        std::copy(part.begin(), part.end(), memory.begin() + static_cast<std::ptrdiff_t>(held_));
        held_ += part.size();
        piece_.bytes = piece_.bytes.subspan(part.size());
        if (piece_.bytes.empty())
            piece_ = {}; // its memory is wanted elsewhere
    }
    co_return memory.subspan(begin_, std::min(wanted, held_));
}

asio::awaitable<bool> chunk_reader::skip(std::uint64_t bytes) {
    while (bytes > 0) {
        const bool more = co_await read_piece();
        if (!more)
            co_return false;
        const auto part =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece_.bytes.size()));
        piece_.bytes = piece_.bytes.subspan(part);
        bytes -= part;
        if (piece_.bytes.empty())
            piece_ = {};
    }
    co_return true;
}

void chunk_reader::consume(std::size_t bytes) {
    const std::size_t gone = std::min(bytes, held_);
    held_ -= gone;
    begin_ = held_ == 0 ? 0 : begin_ + gone;
}

asio::awaitable<body_piece> span_body::next() {
    body_piece piece;
    if (!std::exchange(given_, true))
        piece.bytes = bytes_;
    co_return piece;
}

} // namespace tarpon::registry
