// A tar read from begin to end: entries, and their bodies as they pass.
#pragma once

#include "archive/tar_reader.hpp"
#include "model/byte_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tarpon::archive {

class tar_stream final : public byte_source {
public:
    /// `from` must outlive this.
    explicit tar_stream(byte_source& from);

    /// The next entry, past what was not read of the one before; nullopt at the end. Throws
    /// `error`: archive_damaged, archive_limit, archive_truncated.
    boost::asio::awaitable<std::optional<tar_entry>> next();

    /// The body of the current entry.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;
    /// Its first bytes without consuming them: as many as there are, at most `count`. Before any
    /// read of this entry.
    boost::asio::awaitable<std::span<const std::byte>> peek(std::size_t count);

    /// Reads past the end of the archive to the end of the input, so that whoever writes it can
    /// finish; at most limits::after_end_bytes_max.
    boost::asio::awaitable<void> drain();

    /// No end-of-archive marker was seen before the input ended.
    bool ended_early() const noexcept { return ended_early_; }

private:
    boost::asio::awaitable<bool> fill(std::size_t count);
    boost::asio::awaitable<void> skip(std::uint64_t count);
    /// The input ended where `missing` bytes of the entry's body had not come.
    error ended_inside(std::uint64_t missing) const;
    std::span<const std::byte> buffered() const {
        return std::span(window_).subspan(begin_, end_ - begin_);
    }

    byte_source& from_;
    tar_reader reader_;
    std::vector<std::byte> window_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::string entry_name_;
    std::uint64_t entry_end_ = 0; ///< of its body, from the start of the tar
    std::uint64_t body_left_ = 0;
    std::uint64_t padding_left_ = 0;
    bool input_ended_ = false;
    bool ended_early_ = false;
};

} // namespace tarpon::archive
