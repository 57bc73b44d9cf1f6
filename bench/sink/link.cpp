// See link.hpp.
#include "sink/link.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <thread>

namespace tarpon::sink {
namespace {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

// What the kernel takes in on behalf of a slow reader is no part of the link that is imitated.
constexpr int slow_receive_buffer_bytes = 256 * 1024;
// Steps small against the rate, so that a slow link is even.
constexpr std::uint64_t drop_step_bytes = 1024 * 1024;
constexpr std::uint64_t slow_drop_step_bytes = 64 * 1024;
constexpr std::chrono::milliseconds oversleep_max{20};

std::uint64_t until_reset(const sink_options& shape, std::uint64_t number) {
    if (shape.reset_every_bytes == 0)
        return 0;
    std::mt19937_64 random(shape.seed * 1'000'003 + number);
    const double even = (static_cast<double>(random() >> 11) + 1.0) / 9007199254740993.0;
    return 1
           + static_cast<std::uint64_t>(
               -std::log(even) * static_cast<double>(shape.reset_every_bytes));
}

} // namespace

shaped_link::shaped_link(
    socket_type socket, asio::ssl::context* tls, const sink_options& shape, std::uint64_t number)
    : shape_(shape)
    , bytes_until_reset_(until_reset(shape, number)) {
    socket.set_option(asio::ip::tcp::no_delay(true));
    if (shape.bytes_per_second > 0)
        socket.set_option(asio::socket_base::receive_buffer_size(slow_receive_buffer_bytes));
    if (!tls) {
        plain_.emplace(std::move(socket));
        return;
    }
    tls_.emplace(std::move(socket), *tls);
    boost::system::error_code ec;
    tls_->handshake(asio::ssl::stream_base::server, ec);
    if (ec)
        throw link_closed("no TLS handshake: " + ec.message());
}

std::size_t shaped_link::read_some(std::span<char> into) {
    boost::system::error_code ec;
    const auto buffer = asio::buffer(into.data(), into.size());
    const std::size_t got = tls_ ? tls_->read_some(buffer, ec) : plain_->read_some(buffer, ec);
    if (ec)
        throw link_closed(ec.message());
    return got;
}

std::size_t shaped_link::drop_some(std::size_t count) {
    if (tls_) {
        thread_local std::array<char, 64 * 1024> ignored;
        return read_some(std::span(ignored).first(std::min(count, ignored.size())));
    }
    while (true) {
        const auto got = ::recv(plain_->native_handle(), nullptr, count, MSG_TRUNC);
        if (got > 0)
            return static_cast<std::size_t>(got);
        if (got == 0 || errno != EINTR)
            throw link_closed("closed inside a body");
    }
}

void shaped_link::drop(std::uint64_t count) {
    const std::uint64_t step = shape_.bytes_per_second > 0 ? slow_drop_step_bytes : drop_step_bytes;
    while (count > 0) {
        const std::size_t got = drop_some(static_cast<std::size_t>(std::min(count, step)));
        count -= got;
        body_came(got);
    }
}

void shaped_link::write(std::string_view text) {
    boost::system::error_code ec;
    const auto buffer = asio::buffer(text.data(), text.size());
    if (tls_)
        asio::write(*tls_, buffer, ec);
    else
        asio::write(*plain_, buffer, ec);
    if (ec)
        throw link_closed(ec.message());
}

void shaped_link::body_came(std::uint64_t count) {
    if (bytes_until_reset_ > 0) {
        if (count >= bytes_until_reset_)
            reset();
        bytes_until_reset_ -= count;
    }
    if (shape_.bytes_per_second == 0)
        return;
    const auto cost = std::chrono::nanoseconds(static_cast<std::int64_t>(
        1e9 * static_cast<double>(count) / static_cast<double>(shape_.bytes_per_second)));
    const auto now = clock::now();
    // An idle link does not save up for later; but what this thread overslept is no idleness.
    free_at_ = std::max(free_at_, now - oversleep_max) + cost;
    std::this_thread::sleep_until(free_at_);
}

void shaped_link::wait_before_answer() {
    if (shape_.answer_delay.count() > 0)
        std::this_thread::sleep_for(shape_.answer_delay);
}

void shaped_link::reset() {
    auto& socket = tls_ ? tls_->next_layer() : *plain_;
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored); // RST instead of FIN
    socket.close(ignored);
    throw link_closed("reset, as asked for");
}

} // namespace tarpon::sink
