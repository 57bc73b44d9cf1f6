// See decoding_source.hpp.
#include "archive/decoding_source.hpp"

#include "model/text.hpp"

namespace tarpon::archive {

namespace {
constexpr std::size_t input_bytes = 256 * 1024;
}

decoding_source::decoding_source(byte_source& packed, encoding kind, async::cpu_pool& workers)
    : packed_(packed)
    , kind_(kind)
    , decoder_(make_decoder(kind))
    , workers_(workers)
    , input_(input_bytes) {
    if (!decoder_)
        throw error(errc::internal, "a decoder for something that is not compressed was asked for");
}

std::size_t decoding_source::decode_some(std::span<std::byte> into) {
    while (begin_ < end_ || output_pending_ || (input_ended_ && !decoder_->complete())) {
        const auto input = std::span<const std::byte>(input_).subspan(begin_, end_ - begin_);
        const auto done = decoder_->decode(input, into, input_ended_).value();
        guard_.count(done.consumed, done.produced).value();
        begin_ += done.consumed;
        output_pending_ = done.produced == into.size();
        if (done.produced > 0)
            return done.produced;
        if (done.consumed == 0)
            break; // needs more input, or is stuck: the caller tells which
    }
    return 0;
}

boost::asio::awaitable<std::size_t> decoding_source::read_some(std::span<std::byte> into) {
    while (true) {
        auto work = [this, into] {
            return decode_some(into);
        };
        const std::size_t produced = co_await async::run_on(workers_.get_executor(), work);
        if (produced > 0)
            co_return produced;
        if (input_ended_ && !decoder_->complete())
            throw error(
                errc::archive_truncated,
                concat("its ", to_string(kind_), " compression ends early"));
        if (input_ended_)
            co_return std::size_t{0};
        if (begin_ < end_ && end_ - begin_ == input_.size())
            throw error(
                errc::archive_damaged, concat("its ", to_string(kind_), " compression is damaged"));
        std::copy(
            input_.begin() + static_cast<std::ptrdiff_t>(begin_),
            input_.begin() + static_cast<std::ptrdiff_t>(end_), input_.begin());
        end_ -= begin_;
        begin_ = 0;
        const std::size_t got = co_await packed_.read_some(std::span(input_).subspan(end_));
        end_ += got;
        input_ended_ = got == 0;
    }
}

} // namespace tarpon::archive
