// See stream.hpp.
#include "transport/stream.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace tarpon::transport {

void stream::close() noexcept {
    boost::system::error_code ignored;
    socket().close(ignored);
}

bool stream::looks_alive() noexcept {
    if (!socket().is_open())
        return false;
    char byte;
    const auto got = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK;
    // TLS 1.3 servers send session tickets whenever they like; plain HTTP has nothing to say.
    return got > 0 && is_tls();
}

} // namespace tarpon::transport
