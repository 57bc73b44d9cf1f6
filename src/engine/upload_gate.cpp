// See upload_gate.hpp.
#include "engine/upload_gate.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::engine {

namespace asio = boost::asio;

/// Somebody is looking out as long as anybody waits.
class upload_gate::waiter {
public:
    explicit waiter(upload_gate& at)
        : at_(at) {
        if (at_.waiting_++ == 0)
            at_.begin_to_look();
    }
    ~waiter() {
        if (--at_.waiting_ == 0)
            at_.next_look_.disarm();
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

private:
    upload_gate& at_;
};

upload_gate::upload_gate(const asio::any_io_executor& executor, int first, int most, clock look)
    : most_(most)
    , look_(std::move(look))
    , limit_(std::min(first, most))
    , turns_(executor, limit_)
    , next_look_(executor, [this] { look_again(); }) {}

asio::awaitable<async::slots::lease> upload_gate::acquire() {
    const waiter here(*this);
    auto lease = co_await turns_.acquire();
    co_return lease;
}

void upload_gate::begin_to_look() {
    if (limit_ >= most_ || turns_.in_use() < limit_)
        return;
    before_ = look_();
    if (!before_)
        turns_.set_limit(limit_ = most_);
    else
        next_look_.arm(limits::idle_look_interval);
}

void upload_gate::look_again() {
    const auto now = look_();
    if (now && now->idle_since(*before_) >= limits::idle_share_for_more)
        turns_.set_limit(++limit_);
    if (now)
        before_ = now;
    if (limit_ < most_)
        next_look_.arm(limits::idle_look_interval);
}

} // namespace tarpon::engine
