// See push_feed.hpp.
#include "server/push_feed.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::server {

namespace asio = boost::asio;

void push_feed::add(std::string line) {
    line.push_back('\n');
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (bytes_ > limits::push_lines_bytes_max && dropped_ < taken_) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
        ++dropped_;
    }
    if (bytes_ > limits::push_lines_bytes_max) {
        bytes_ -= lines_.back().size();
        lines_.pop_back();
        overflowed_ = true;
    }
    changed_.notify_all();
}

void push_feed::sample(std::string line) {
    line.push_back('\n');
    sample_ = std::move(line);
    ++sample_number_;
    changed_.notify_all();
}

void push_feed::end() {
    ended_ = true;
    changed_.notify_all();
}

asio::awaitable<std::string> push_feed::next(cursor& at, samples which) {
    while (true) {
        std::string text;
        at.line = std::max(at.line, dropped_);
        const std::size_t all = dropped_ + lines_.size();
        for (; at.line < all && text.size() < limits::push_events_piece_bytes; ++at.line)
            text += lines_[at.line - dropped_];
        if (which == samples::with && at.line == all && at.sample < sample_number_ && !ended_) {
            at.sample = sample_number_;
            text += sample_;
        }
        if (!text.empty() || ended_)
            co_return text;
        co_await changed_.wait();
    }
}

} // namespace tarpon::server
