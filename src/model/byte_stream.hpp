// The two ends of a stage: bytes to be asked for, and pieces ready to be sent.
//
// They live here because archive, pipeline, transport and registry meet at them and none of these
// should know another for it.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace tarpon {

/// Where bytes come from, in order, once: an entry of an archive, a pipe, a decoder.
class byte_source {
public:
    virtual ~byte_source() = default;
    /// Fills a part of `into` (at least one byte); 0 at the end. Throws `error` for bad input.
    /// One call at a time; `into` must stay until it completes.
    virtual boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) = 0;
};

/// Reads until `into` is full or the source ends; returns how much there was.
boost::asio::awaitable<std::size_t> read_full(byte_source& source, std::span<std::byte> into);

/// A piece of a body on its way out; `owner` keeps the memory until everyone has let go.
struct body_piece {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;

    bool empty() const noexcept { return bytes.empty(); }
};

/// What is sent as the body of a request. Read once, from begin to end.
class body_source {
public:
    virtual ~body_source() = default;
    /// The next piece; an empty one at the end, for which a body of known length need not be asked.
    /// Throws `error` when the body cannot be produced.
    virtual boost::asio::awaitable<body_piece> next() = 0;
    /// The number of bytes of all pieces, if it is known before they are made.
    virtual std::optional<std::uint64_t> length() const = 0;
};

} // namespace tarpon
