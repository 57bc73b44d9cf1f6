// See outer_source.hpp.
#include "archive/outer_source.hpp"

#include "archive/archive_file.hpp"
#include "archive/decoding_source.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <array>
#include <cstring>

namespace tarpon::archive {

namespace asio = boost::asio;

namespace {

/// A byte source whose first bytes were read already, to see what it is.
class peeked_source final : public byte_source {
public:
    explicit peeked_source(byte_source& from)
        : from_(from) {}

    asio::awaitable<std::span<const std::byte>> peek() {
        size_ = co_await read_full(from_, start_);
        co_return std::span<const std::byte>(start_).first(size_);
    }
    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        if (at_ == size_)
            co_return co_await from_.read_some(into);
        const std::size_t step = std::min(into.size(), size_ - at_);
        std::memcpy(into.data(), start_.data() + at_, step);
        at_ += step;
        co_return step;
    }

private:
    byte_source& from_;
    std::array<std::byte, sniff_bytes> start_{};
    std::size_t size_ = 0;
    std::size_t at_ = 0;
};

class counting_source final : public byte_source {
public:
    counting_source(byte_source& from, std::uint64_t& total)
        : from_(from)
        , total_(total) {}

    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const std::size_t got = co_await from_.read_some(into);
        total_ += got;
        co_return got;
    }

private:
    byte_source& from_;
    std::uint64_t& total_;
};

} // namespace

outer_source::outer_source(byte_source& from, async::cpu_pool& workers)
    : source_(&from)
    , workers_(workers) {}

asio::awaitable<void> outer_source::open() {
    layers_.push_back(std::make_unique<counting_source>(*source_, packed_bytes_));
    source_ = layers_.back().get();
    for (int depth = 0;; ++depth) {
        auto peeked = std::make_unique<peeked_source>(*source_);
        const auto start = co_await peeked->peek();
        source_ = peeked.get();
        layers_.push_back(std::move(peeked));
        if (start.empty())
            throw error(
                errc::archive_empty,
                depth == 0 ? "there is no data" : "there is no data inside its compression");
        const encoding kind = sniff_encoding(start);
        if (depth == 0)
            outermost_ = kind;
        if (kind == encoding::tar)
            co_return;
        if (!make_decoder(kind))
            throw error(not_an_archive(kind, start));
        if (depth == limits::outer_compression_depth_max)
            throw error(
                errc::archive_limit,
                concat(
                    "it is compressed more than ", depth, " times (outer_compression_depth_max)"));
        auto decoded = std::make_unique<decoding_source>(*source_, kind, workers_);
        source_ = decoded.get();
        layers_.push_back(std::move(decoded));
    }
}

asio::awaitable<std::size_t> outer_source::read_some(std::span<std::byte> into) {
    const std::size_t got = co_await source_->read_some(into);
    const auto packed = static_cast<std::size_t>(packed_bytes_ - counted_bytes_);
    counted_bytes_ = packed_bytes_;
    guard_.count(packed, got).value();
    co_return got;
}

} // namespace tarpon::archive
