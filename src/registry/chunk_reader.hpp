// A body cut into chunks that are held until they have arrived: a chunk can be sent again, also
// when the body itself cannot.
#pragma once

#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace tarpon::registry {

/// As much as the largest chunk; `owner` keeps it.
struct chunk_memory {
    std::span<std::byte> bytes;
    std::shared_ptr<const void> owner;
};

class chunk_reader {
public:
    /// `from` must outlive the reader.
    chunk_reader(body_source& from, chunk_memory memory)
        : from_(from)
        , memory_(std::move(memory)) {}

    /// The next `bytes` of the body, fewer at its end or where the memory ends, none behind it.
    /// Stays until consume() or the next peek(). Throws what the body throws.
    boost::asio::awaitable<std::span<const std::byte>> peek(std::size_t bytes);
    /// Before the first peek(): reads past so many bytes. false: the body has fewer.
    boost::asio::awaitable<bool> skip(std::uint64_t bytes);
    /// So many of them have arrived.
    void consume(std::size_t bytes);

private:
    boost::asio::awaitable<bool> read_piece();

    body_source& from_;
    chunk_memory memory_;
    std::size_t begin_ = 0; ///< of what is held
    std::size_t held_ = 0;  ///< bytes
    body_piece piece_;      ///< what did not fit any more
    bool ended_ = false;
};

/// A body of bytes that lie in memory, which must outlive it.
class span_body final : public body_source {
public:
    explicit span_body(std::span<const std::byte> bytes)
        : bytes_(bytes) {}
    boost::asio::awaitable<body_piece> next() override;
    std::optional<std::uint64_t> length() const override { return bytes_.size(); }

private:
    std::span<const std::byte> bytes_;
    bool given_ = false;
};

} // namespace tarpon::registry
