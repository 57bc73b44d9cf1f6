// A response whose body is too large for memory, read as it comes.
#pragma once

#include "model/byte_stream.hpp"
#include "transport/connection_pool.hpp"
#include "transport/http_message.hpp"

#include <memory>

namespace tarpon::transport {

/// The body of a successful response. Holds its connection until it is gone.
class http_download final : public byte_source {
public:
    ~http_download() override;

    int status() const noexcept { return head_.status; }
    const http_response& head() const noexcept { return head_; }

    /// Throws errc::transport_closed, transport_timeout; a body that ends short is an error.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

    /// Sends `request` (without a body) and waits for the head. A response that is not 200 comes
    /// back with its (capped) body in head().body, and read_some gives nothing.
    static boost::asio::awaitable<std::unique_ptr<http_download>>
    begin(connection_lease over, http_request request);

private:
    struct state;
    explicit http_download(connection_lease over);

    http_response head_;
    std::unique_ptr<state> state_;
};

} // namespace tarpon::transport
