// See client_name.hpp.
#include "server/client_name.hpp"

#include <algorithm>

namespace tarpon::server {

namespace ip = boost::asio::ip;

std::string client_name(const ip::address& client) {
    if (client.is_v4())
        return client.to_string();
    const ip::address_v6 v6 = client.to_v6();
    if (v6.is_v4_mapped())
        return ip::make_address_v4(ip::v4_mapped, v6).to_string();
    auto network = v6.to_bytes();
    std::fill(network.begin() + 8, network.end(), static_cast<unsigned char>(0));
    return ip::address_v6(network).to_string() + "/64";
}

} // namespace tarpon::server
