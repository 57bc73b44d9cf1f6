// See pool_state.hpp.
#include "transport/pool_state.hpp"

#include <algorithm>
#include <cassert>

namespace tarpon::transport {

std::size_t pool_state::expire(time_point now) {
    const auto fresh = std::find_if(idle_since_.begin(), idle_since_.end(), [&](time_point since) {
        return now - since <= idle_max_;
    });
    const auto expired = static_cast<std::size_t>(fresh - idle_since_.begin());
    idle_since_.erase(idle_since_.begin(), fresh);
    return expired;
}

pool_state::action pool_state::take() {
    if (in_use_ >= connections_max_)
        return action::wait;
    ++in_use_;
    if (idle_since_.empty())
        return action::open;
    idle_since_.pop_back();
    return action::reuse;
}

void pool_state::give_back(bool reusable, time_point now) {
    assert(in_use_ > 0);
    --in_use_;
    if (reusable)
        idle_since_.push_back(now);
}

void pool_state::drop_granted() {
    assert(in_use_ > 0);
    --in_use_;
}

} // namespace tarpon::transport
