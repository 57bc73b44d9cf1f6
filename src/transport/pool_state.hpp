// Which connection serves the next request to an origin: decisions without sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace tarpon::transport {

/// Counts connections of one origin. The shell owns them and does what it is told.
class pool_state {
public:
    using time_point = std::chrono::steady_clock::time_point;
    enum class action {
        reuse, ///< take the connection that went idle last (it is the one most likely alive)
        open,  ///< make a new one
        wait,  ///< all are in use: ask again when one is given back
    };

    pool_state(std::size_t connections_max, std::chrono::steady_clock::duration idle_max)
        : connections_max_(connections_max)
        , idle_max_(idle_max) {}

    /// How many idle connections, oldest first, are too old to be trusted; they are forgotten here.
    std::size_t expire(time_point now);
    /// The next step for a request; counts what it grants.
    action take();
    /// A granted connection came back, fit for use or not.
    void give_back(bool reusable, time_point now);
    /// The idle connection granted by `reuse` turned out dead: it must be replaced (or waited for).
    void drop_granted();

    std::size_t in_use() const noexcept { return in_use_; }
    std::size_t idle() const noexcept { return idle_since_.size(); }

private:
    std::size_t connections_max_;
    std::chrono::steady_clock::duration idle_max_;
    std::size_t in_use_ = 0;
    std::vector<time_point> idle_since_; // oldest first
};

} // namespace tarpon::transport
