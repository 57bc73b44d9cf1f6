// See deadline.hpp. The handler owns the state, so it may run after the deadline is gone.
#include "async/deadline.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>

namespace tarpon::async {

struct deadline::state {
    state(const boost::asio::any_io_executor& executor, std::function<void()> on_expiry)
        : timer(executor)
        , bite(std::move(on_expiry)) {}

    boost::asio::steady_timer timer;
    std::function<void()> bite;
    std::uint64_t generation = 0; // of the last arm or disarm
    bool expired = false;
};

deadline::deadline(const boost::asio::any_io_executor& executor, std::function<void()> expired)
    : state_(std::make_shared<state>(executor, std::move(expired))) {}

deadline::~deadline() {
    disarm();
    state_->bite = nullptr;
}

void deadline::arm(std::chrono::steady_clock::duration time) {
    const auto generation = ++state_->generation;
    state_->timer.expires_after(time);
    auto check = [s = state_, generation](const boost::system::error_code& ec) {
        if (ec || s->generation != generation || !s->bite)
            return;
        s->expired = true;
        s->bite();
    };
    state_->timer.async_wait(std::move(check));
}

void deadline::disarm() {
    ++state_->generation;
    state_->timer.cancel();
}

bool deadline::expired() const noexcept {
    return state_->expired;
}

} // namespace tarpon::async
