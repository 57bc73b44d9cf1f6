// See client_places.hpp.
#include "server/client_places.hpp"

#include "server/client_name.hpp"

namespace tarpon::server {

namespace ip = boost::asio::ip;

client_places::lease client_places::take(const ip::address& client) {
    std::string name = client_name(client);
    const auto known = held_.find(name);
    const std::size_t held = known == held_.end() ? 0 : known->second;
    if (held >= free_)
        return {};
    ++held_[name];
    --free_;
    return {*this, std::move(name)};
}

void client_places::lease::give_back() noexcept {
    if (!from_)
        return;
    const auto known = from_->held_.find(client_);
    if (--known->second == 0)
        from_->held_.erase(known);
    ++from_->free_;
    from_ = nullptr;
}

} // namespace tarpon::server
