// Who gets one of the connections there may be. Pure.
//
// A client may take a place while it holds fewer than are free. So one client alone ends at half of
// them, the next at a quarter, and newcomers always find a place, however busily a few others
// connect. A client is an IPv4 address, or a /64 network of IPv6, which is what one machine has.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace tarpon::server {

class client_places {
public:
    explicit client_places(std::size_t places)
        : free_(places) {}
    client_places(const client_places&) = delete;
    client_places& operator=(const client_places&) = delete;

    /// One place, given back when it goes. The client_places must outlive it.
    class lease {
    public:
        lease() = default;
        lease(lease&& other) noexcept
            : from_(std::exchange(other.from_, nullptr))
            , client_(std::move(other.client_)) {}
        lease& operator=(lease&& other) noexcept {
            std::swap(from_, other.from_);
            std::swap(client_, other.client_);
            return *this;
        }
        ~lease() { give_back(); }

        explicit operator bool() const noexcept { return from_ != nullptr; }
        const std::string& client() const noexcept { return client_; }
        void give_back() noexcept;

    private:
        friend class client_places;
        lease(client_places& from, std::string client)
            : from_(&from)
            , client_(std::move(client)) {}

        client_places* from_ = nullptr;
        std::string client_;
    };

    /// An empty lease where this client has enough, or all places are taken.
    lease take(const boost::asio::ip::address& client);

    std::size_t free() const noexcept { return free_; }
    /// Of clients that hold a place.
    std::size_t clients() const noexcept { return held_.size(); }

private:
    std::size_t free_;
    std::map<std::string, std::size_t> held_;
};

} // namespace tarpon::server
