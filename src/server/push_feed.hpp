// The events of one push on their way to those who read them: its own answer, and the page.
//
// Bounded: lines are kept until the answer has taken them, samples of the progress only until the
// next one. Used on the I/O thread only.
#pragma once

#include "async/condition.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace tarpon::server {

class push_feed {
public:
    explicit push_feed(const boost::asio::any_io_executor& executor)
        : changed_(executor) {}

    /// How far a reader is.
    struct cursor {
        std::size_t line = 0;
        std::uint64_t sample = 0;
    };
    enum class samples { with, without };

    // The push writes; lines come without their line feed.
    void add(std::string line);
    void sample(std::string line);
    void end();

    /// What came after `at`, each line with its line feed; waits until there is something. Empty
    /// at the end. Not all at once if it is much (limits::push_events_piece_bytes). A reader so
    /// slow that lines are gone goes on with the first one that is there.
    boost::asio::awaitable<std::string> next(cursor& at, samples which);
    /// The answer has sent what is before `at`.
    void taken(const cursor& at) { taken_ = at.line; }

    bool ended() const noexcept { return ended_; }
    /// Ended, and `at` is behind the last line.
    bool ended_at(const cursor& at) const noexcept {
        return ended_ && at.line >= dropped_ + lines_.size();
    }
    /// limits::push_lines_bytes_max were not taken: lines were lost.
    bool overflowed() const noexcept { return overflowed_; }

    /// Set by the one push that writes here.
    bool claimed = false;

private:
    async::condition changed_;
    std::deque<std::string> lines_;
    std::size_t dropped_ = 0; ///< lines before lines_.front()
    std::size_t taken_ = 0;
    std::size_t bytes_ = 0;
    std::string sample_;
    std::uint64_t sample_number_ = 0;
    bool ended_ = false;
    bool overflowed_ = false;
};

} // namespace tarpon::server
