// See client_places.hpp.
#include "server/client_places.hpp"

#include <algorithm>

namespace tarpon::server {

namespace ip = boost::asio::ip;

std::string client_places::name_of(const ip::address& client) {
    if (client.is_v4())
        return client.to_string();
    const ip::address_v6 v6 = client.to_v6();
    if (v6.is_v4_mapped())
        return ip::make_address_v4(ip::v4_mapped, v6).to_string();
    ip::address_v6::bytes_type network = v6.to_bytes();
    std::fill(network.begin() + 8, network.end(), static_cast<unsigned char>(0));
    return ip::address_v6(network).to_string() + "/64";
}

client_places::lease client_places::take(const ip::address& client) {
    std::string name = name_of(client);
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
