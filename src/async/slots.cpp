// See slots.hpp.
#include "async/slots.hpp"

#include <algorithm>

namespace tarpon::async {

slots::lease::~lease() {
    if (!from_)
        return;
    --from_->in_use_;
    from_->changed_.notify_all();
}

/// Who is cancelled while waiting leaves the line.
class slots::place_in_line {
public:
    place_in_line(slots& in, std::uint64_t weight)
        : in_(in) {
        const auto lighter = std::find_if(
            in_.line_.begin(), in_.line_.end(), [weight](auto other) { return other < weight; });
        mine_ = in_.line_.insert(lighter, weight);
    }
    ~place_in_line() {
        in_.line_.erase(mine_);
        in_.changed_.notify_all();
    }
    place_in_line(const place_in_line&) = delete;
    place_in_line& operator=(const place_in_line&) = delete;

    bool may_go() const noexcept { return in_.line_.begin() == mine_ && in_.in_use_ < in_.limit_; }

private:
    slots& in_;
    std::list<std::uint64_t>::iterator mine_;
};

std::optional<slots::lease> slots::try_acquire() {
    if (!line_.empty() || in_use_ >= limit_)
        return std::nullopt;
    ++in_use_;
    return lease(*this);
}

boost::asio::awaitable<slots::lease> slots::acquire(std::uint64_t weight) {
    const place_in_line place(*this, weight);
    while (!place.may_go())
        co_await changed_.wait();
    ++in_use_;
    co_return lease(*this);
}

void slots::set_limit(int limit) {
    limit_ = limit;
    changed_.notify_all();
}

} // namespace tarpon::async
