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
    explicit place_in_line(slots& in)
        : in_(in)
        , ticket_(in.next_ticket_++) {
        in_.line_.push_back(ticket_);
    }
    ~place_in_line() {
        in_.line_.erase(std::find(in_.line_.begin(), in_.line_.end(), ticket_));
        in_.changed_.notify_all();
    }
    place_in_line(const place_in_line&) = delete;
    place_in_line& operator=(const place_in_line&) = delete;

    std::uint64_t ticket() const noexcept { return ticket_; }

private:
    slots& in_;
    const std::uint64_t ticket_;
};

boost::asio::awaitable<slots::lease> slots::acquire() {
    const place_in_line place(*this);
    while (!may_go(place.ticket()))
        co_await changed_.wait();
    ++in_use_;
    co_return lease(*this);
}

void slots::set_limit(int limit) {
    limit_ = limit;
    changed_.notify_all();
}

} // namespace tarpon::async
