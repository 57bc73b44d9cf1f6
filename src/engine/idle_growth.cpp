// See idle_growth.hpp.
#include "engine/idle_growth.hpp"

#include "async/worker_count.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::engine {

int enough_for_the_processors() noexcept {
    return static_cast<int>(async::worker_count(0)) + 1;
}

idle_growth::idle_growth(
    const boost::asio::any_io_executor& executor,
    int first,
    int most,
    std::function<void(int)> grown,
    clock look)
    : most_(most)
    , grown_(std::move(grown))
    , look_(std::move(look))
    , now_(std::min(first, most))
    , next_look_(executor, [this] { look_again(); }) {}

void idle_growth::begin() {
    if (now_ >= most_)
        return;
    before_ = look_();
    if (before_)
        next_look_.arm(limits::idle_look_interval);
    else
        grown_(now_ = most_);
}

void idle_growth::end() {
    next_look_.disarm();
}

void idle_growth::look_again() {
    const auto found = look_();
    if (found && found->idle_since(*before_) >= limits::idle_share_for_more)
        grown_(++now_);
    if (found)
        before_ = found;
    if (now_ < most_)
        next_look_.arm(limits::idle_look_interval);
}

} // namespace tarpon::engine
