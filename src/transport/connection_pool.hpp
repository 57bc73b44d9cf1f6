// Keep-alive connections, bounded for each origin, handed out as leases.
#pragma once

#include "async/condition.hpp"
#include "transport/connection.hpp"
#include "transport/pool_state.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <memory>
#include <vector>

namespace tarpon::transport {

class connection_pool;

/// Move-only, like a unique_ptr. Dropped without `keep()` it closes its connection.
class connection_lease {
public:
    connection_lease() = default;
    connection_lease(connection_lease&& other) noexcept;
    connection_lease& operator=(connection_lease&& other) noexcept;
    ~connection_lease();

    explicit operator bool() const noexcept { return held_ != nullptr; }
    connection& operator*() const noexcept { return *held_; }
    connection* operator->() const noexcept { return held_.get(); }
    /// Was it used before? Then the server may have closed it meanwhile.
    bool used_before() const noexcept { return held_->exchanges > 0; }
    /// Gives the connection back for the next request.
    void keep();

private:
    friend class connection_pool;
    connection_lease(connection_pool& pool, std::unique_ptr<connection> held);
    void release(bool reusable);

    connection_pool* pool_ = nullptr;
    std::unique_ptr<connection> held_;
};

class connection_pool {
public:
    connection_pool(
        boost::asio::any_io_executor executor,
        const connection_options& options,
        std::size_t connections_max);
    connection_pool(const connection_pool&) = delete;
    connection_pool& operator=(const connection_pool&) = delete;

    /// An idle connection, or a new one, or waits for one to come back. `fresh` never reuses.
    /// Throws what dialer::dial throws. The pool must outlive its leases.
    boost::asio::awaitable<connection_lease> acquire(origin to, bool fresh = false);

    /// Connections made so far.
    std::uint64_t opened() const noexcept { return opened_; }

private:
    friend class connection_lease;
    struct shelf {
        pool_state state;
        std::vector<std::unique_ptr<connection>> idle; // oldest first, as in `state`
    };

    shelf& shelf_of(const origin& at);
    void give_back(std::unique_ptr<connection> held, bool reusable);
    /// A live idle connection, nullptr if there is none; asks `state` until it says otherwise.
    std::unique_ptr<connection> take_idle(shelf& from, pool_state::action& next);

    boost::asio::any_io_executor executor_;
    dialer dialer_;
    std::size_t connections_max_;
    std::map<origin, shelf> shelves_;
    async::condition given_back_;
    std::uint64_t opened_ = 0;
};

} // namespace tarpon::transport
