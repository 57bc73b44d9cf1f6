// See tar_stream.hpp. Large reads of a body go straight from the source to their destination; only
// headers and the edges of bodies pass through the window.
#include "archive/tar_stream.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <cstring>

namespace tarpon::archive {

namespace asio = boost::asio;

tar_stream::tar_stream(byte_source& from)
    : from_(from)
    , window_(limits::tar_window_bytes) {}

/// Makes the window hold at least `count` bytes; false if the input ends before.
asio::awaitable<bool> tar_stream::fill(std::size_t count) {
    if (count > window_.size() - begin_) {
        std::copy(
            window_.begin() + static_cast<std::ptrdiff_t>(begin_),
            window_.begin() + static_cast<std::ptrdiff_t>(end_), window_.begin());
        end_ -= begin_;
        begin_ = 0;
        if (count > window_.size())
            window_.resize(count);
    }
    while (end_ - begin_ < count && !input_ended_) {
        const std::size_t got = co_await from_.read_some(std::span(window_).subspan(end_));
        end_ += got;
        input_ended_ = got == 0;
    }
    co_return end_ - begin_ >= count;
}

error tar_stream::ended_inside(std::uint64_t missing) const {
    return error(
        errc::archive_truncated,
        concat(
            "the archive ended early, at byte ", entry_end_ - missing, ", inside entry \"",
            foreign_text(entry_name_, 200), "\", which goes on to byte ", entry_end_,
            "; did the producer fail?"));
}

asio::awaitable<void> tar_stream::skip(std::uint64_t count) {
    while (count > 0) {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            const bool more = co_await fill(1);
            if (!more)
                throw ended_inside(count);
        }
        const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, end_ - begin_));
        begin_ += step;
        count -= step;
    }
}

asio::awaitable<std::optional<tar_entry>> tar_stream::next() {
    co_await skip(std::exchange(body_left_, 0));
    // The last padding may be missing where a writer also left out the end marker.
    const auto padding = std::exchange(padding_left_, 0);
    const bool has_padding = co_await fill(static_cast<std::size_t>(padding));
    begin_ += has_padding ? static_cast<std::size_t>(padding) : end_ - begin_;
    while (true) {
        const bool whole = co_await fill(reader_.wanted());
        if (!whole) {
            ended_early_ = !reader_.end_seen();
            reader_.finish(end_ - begin_).value();
            co_return std::nullopt;
        }
        const auto bytes = buffered().first(reader_.wanted());
        begin_ += bytes.size();
        auto event = reader_.consume(bytes).value();
        if (std::holds_alternative<tar_reader::end>(event))
            co_return std::nullopt;
        if (auto* entry = std::get_if<tar_entry>(&event)) {
            entry_name_ = entry->name;
            entry_end_ = entry->offset + entry->size;
            body_left_ = entry->size;
            padding_left_ = padded(entry->size) - entry->size;
            co_return std::move(*entry);
        }
    }
}

asio::awaitable<std::size_t> tar_stream::read_some(std::span<std::byte> into) {
    const auto wanted =
        into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), body_left_)));
    if (wanted.empty())
        co_return std::size_t{0};
    std::size_t got = std::min(wanted.size(), end_ - begin_);
    if (got > 0) {
        std::memcpy(wanted.data(), window_.data() + begin_, got);
        begin_ += got;
    } else {
        got = co_await from_.read_some(wanted);
        if (got == 0)
            throw ended_inside(body_left_);
    }
    body_left_ -= got;
    co_return got;
}

asio::awaitable<std::span<const std::byte>> tar_stream::peek(std::size_t count) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(count, body_left_));
    const bool whole = co_await fill(wanted);
    if (!whole)
        throw ended_inside(body_left_ - (end_ - begin_));
    co_return buffered().first(wanted);
}

asio::awaitable<void> tar_stream::drain() {
    std::uint64_t total = end_ - begin_;
    begin_ = end_ = 0;
    while (!input_ended_ && total <= limits::after_end_bytes_max) {
        const std::size_t got = co_await from_.read_some(window_);
        total += got;
        input_ended_ = got == 0;
    }
}

} // namespace tarpon::archive
