// How much of a body may wait unsent in a socket's buffer, where the far end is on this machine.
//
// What waits there is sent when the far end makes room in its own buffer: by its thread, in its
// time. A registry has one thread for an upload, so while there is only one upload, that thread is
// what a push waits for; then little is left for it to send, and we send ourselves. Where several
// go side by side, each has a thread, and few large writes cost less. In a network it is the
// interface that makes room, and a full buffer bridges our pauses.
#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace tarpon::transport {

class unsent_bound {
public:
    /// Of a connected socket. A proxy or tunnel on this machine counts as its far end.
    explicit unsent_bound(const boost::asio::ip::tcp::socket& connected);

    /// For what is written next to that socket. `little`: about
    /// limits::unsent_bytes_on_this_machine; else as the system does it.
    void keep_little(boost::asio::ip::tcp::socket& socket, bool little) noexcept;

private:
    bool on_this_machine_ = false;
    bool little_ = false;
};

} // namespace tarpon::transport
