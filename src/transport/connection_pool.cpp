// The I/O shell around pool_state.
#include "transport/connection_pool.hpp"

#include <tarpon/limits.hpp>

#include <utility>

namespace tarpon::transport {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

connection_lease::connection_lease(connection_pool& pool, std::unique_ptr<connection> held)
    : pool_(&pool)
    , held_(std::move(held)) {}

connection_lease::connection_lease(connection_lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr))
    , held_(std::move(other.held_)) {}

connection_lease& connection_lease::operator=(connection_lease&& other) noexcept {
    if (this != &other) {
        release(false);
        pool_ = std::exchange(other.pool_, nullptr);
        held_ = std::move(other.held_);
    }
    return *this;
}

connection_lease::~connection_lease() {
    release(false);
}

void connection_lease::keep() {
    release(true);
}

void connection_lease::release(bool reusable) {
    if (held_)
        pool_->give_back(std::move(held_), reusable);
}

connection_pool::connection_pool(
    asio::any_io_executor executor, const connection_options& options, std::size_t connections_max)
    : executor_(executor)
    , dialer_(executor, options)
    , connections_max_(connections_max)
    , given_back_(executor) {}

connection_pool::shelf& connection_pool::shelf_of(const origin& at) {
    const auto found = shelves_.find(at);
    if (found != shelves_.end())
        return found->second;
    return shelves_
        .emplace(at, shelf{pool_state(connections_max_, limits::keep_alive_idle_max), {}})
        .first->second;
}

std::unique_ptr<connection> connection_pool::take_idle(shelf& from, pool_state::action& next) {
    const std::size_t expired = from.state.expire(clock::now());
    from.idle.erase(from.idle.begin(), from.idle.begin() + static_cast<std::ptrdiff_t>(expired));
    while ((next = from.state.take()) == pool_state::action::reuse) {
        auto candidate = std::move(from.idle.back());
        from.idle.pop_back();
        if (candidate->link.looks_alive())
            return candidate;
        from.state.drop_granted();
    }
    return nullptr;
}

asio::awaitable<connection_lease> connection_pool::acquire(origin to, bool fresh) {
    shelf& from = shelf_of(to);
    pool_state::action next{};
    while (true) {
        if (fresh) {
            // What is idle is under the same suspicion as the one that just failed.
            from.state.expire(clock::time_point::max());
            from.idle.clear();
        }
        if (auto idle = take_idle(from, next))
            co_return connection_lease(*this, std::move(idle));
        if (next == pool_state::action::open)
            break;
        co_await given_back_.wait();
    }
    struct grant {
        connection_pool& pool;
        shelf& from;
        bool kept = false;
        ~grant() {
            if (!kept) {
                from.state.drop_granted();
                pool.given_back_.notify_all();
            }
        }
    } granted{*this, from};
    auto opened = co_await dialer_.dial(to);
    granted.kept = true;
    ++opened_;
    co_return connection_lease(*this, std::move(opened));
}

void connection_pool::give_back(std::unique_ptr<connection> held, bool reusable) {
    shelf& to = shelf_of(held->peer);
    const auto now = clock::now();
    to.state.give_back(reusable, now);
    held->idle_since = now;
    if (reusable)
        to.idle.push_back(std::move(held));
    given_back_.notify_all();
}

} // namespace tarpon::transport
