// See unsent_bound.hpp.
#include "transport/unsent_bound.hpp"

#include <tarpon/limits.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace tarpon::transport {

using boost::asio::ip::tcp;

unsent_bound::unsent_bound(const tcp::socket& connected) {
    boost::system::error_code gone;
    const auto far_end = connected.remote_endpoint(gone).address();
    boost::system::error_code also_gone;
    const auto ours = connected.local_endpoint(also_gone).address();
    on_this_machine_ = !gone && !also_gone && (far_end.is_loopback() || far_end == ours);
}

void unsent_bound::keep_little(tcp::socket& socket, bool little) noexcept {
    if (!on_this_machine_ || little == little_)
        return;
    little_ = little;
    const int most = little ? limits::unsent_bytes_on_this_machine : 0; // 0: the system's setting
    (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

} // namespace tarpon::transport
