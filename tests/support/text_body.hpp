// Bodies of requests for tests: text in pieces, with an end that can fail or be late.
#pragma once

#include "model/byte_stream.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace tarpon::test {

/// How a text_body behaves.
struct body_habits {
    std::size_t step = 10'000;                       ///< bytes of a piece
    bool known_length = true;                        ///< else the body is chunked
    std::optional<std::uint64_t> stated_length = {}; ///< where it is not the text's
    std::optional<std::size_t> fails_at = {};        ///< throws errc::archive_truncated there
    int turns_before_end = 0; ///< turns of the event loop before the empty piece
};

class text_body final : public body_source {
public:
    explicit text_body(std::string text, body_habits habits = {})
        : text_(std::move(text))
        , habits_(habits) {}

    boost::asio::awaitable<body_piece> next() override {
        const auto executor = co_await boost::asio::this_coro::executor;
        co_await boost::asio::post(executor, boost::asio::use_awaitable);
        if (habits_.fails_at && at_ >= *habits_.fails_at)
            throw error(errc::archive_truncated, "the archive ended early");
        body_piece piece;
        const std::size_t size = std::min(habits_.step, text_.size() - at_);
        piece.bytes = std::as_bytes(std::span(text_.data() + at_, size));
        at_ += size;
        for (int turn = 0; size == 0 && turn < habits_.turns_before_end; ++turn)
            co_await boost::asio::post(executor, boost::asio::use_awaitable);
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override {
        if (!habits_.known_length)
            return std::nullopt;
        return habits_.stated_length.value_or(text_.size());
    }
    /// How much was asked for.
    std::size_t taken() const noexcept { return at_; }

private:
    std::string text_;
    body_habits habits_;
    std::size_t at_ = 0;
};

} // namespace tarpon::test
