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
    if (held_.size() - begin_ < bytes) {
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(begin_));
        begin_ = 0;
        held_.reserve(bytes);
    }
    while (held_.size() - begin_ < bytes) {
        const bool more = co_await read_piece();
        if (!more)
            break;
        const auto part =
            piece_.bytes.first(std::min(piece_.bytes.size(), bytes - (held_.size() - begin_)));
        held_.insert(held_.end(), part.begin(), part.end());
        piece_.bytes = piece_.bytes.subspan(part.size());
        if (piece_.bytes.empty())
            piece_ = {}; // its memory is wanted elsewhere
    }
    const std::size_t there = std::min(bytes, held_.size() - begin_);
    co_return std::span<const std::byte>(held_).subspan(begin_, there);
}

void chunk_reader::consume(std::size_t bytes) {
    begin_ += std::min(bytes, held_.size() - begin_);
}

asio::awaitable<body_piece> span_body::next() {
    body_piece piece;
    if (!std::exchange(given_, true))
        piece.bytes = bytes_;
    co_return piece;
}

} // namespace tarpon::registry
