// A byte stream to a server behind one type: plain, TLS, or TLS inside the TLS of a proxy.
//
// Models Asio's AsyncReadStream and AsyncWriteStream, so that Beast and asio::async_write take it.
#pragma once

#include "transport/tls.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace tarpon::transport {

class stream {
public:
    using socket_type = boost::asio::ip::tcp::socket;
    using executor_type = socket_type::executor_type;

    explicit stream(socket_type plain)
        : plain_(std::move(plain)) {}
    explicit stream(std::unique_ptr<tls_stream> tls)
        : tls_(std::move(tls)) {}
    explicit stream(std::unique_ptr<tunnelled_tls_stream> inner)
        : inner_(std::move(inner)) {}

    executor_type get_executor() { return socket().get_executor(); }
    bool is_tls() const noexcept { return tls_ != nullptr || inner_ != nullptr; }
    /// nullptr: plain, or TLS inside TLS.
    tls_stream* tls() noexcept { return tls_.get(); }
    socket_type& socket() {
        return inner_ ? inner_->next_layer().next_layer() : tls_ ? tls_->next_layer() : *plain_;
    }

    template <class MutableBuffers, class Token>
    auto async_read_some(const MutableBuffers& buffers, Token&& token) {
        if (inner_)
            return inner_->async_read_some(buffers, std::forward<Token>(token));
        if (tls_)
            return tls_->async_read_some(buffers, std::forward<Token>(token));
        return plain_->async_read_some(buffers, std::forward<Token>(token));
    }

    template <class ConstBuffers, class Token>
    auto async_write_some(const ConstBuffers& buffers, Token&& token) {
        if (inner_)
            return inner_->async_write_some(buffers, std::forward<Token>(token));
        if (tls_)
            return tls_->async_write_some(buffers, std::forward<Token>(token));
        return plain_->async_write_some(buffers, std::forward<Token>(token));
    }

    /// Ends every pending operation with an error; the stream is of no use afterwards.
    void close() noexcept;
    /// On an idle connection: has the other side closed it, or said something unasked?
    bool looks_alive() noexcept;

    /// Gives the layer below up, so that TLS can be put on it.
    socket_type release_plain() { return std::move(*plain_); }
    std::unique_ptr<tls_stream> release_tls() { return std::move(tls_); }

private:
    std::optional<socket_type> plain_;
    std::unique_ptr<tls_stream> tls_;
    std::unique_ptr<tunnelled_tls_stream> inner_;
};

} // namespace tarpon::transport
