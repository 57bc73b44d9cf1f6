// A byte source behind a decoder; decoding happens on the CPU pool.
#pragma once

#include "archive/decoder.hpp"
#include "async/run_on.hpp"
#include "model/byte_stream.hpp"

#include <vector>

namespace tarpon::archive {

class decoding_source final : public byte_source {
public:
    /// `kind` must be a compression. `packed` must outlive this.
    decoding_source(byte_source& packed, encoding kind, async::cpu_pool& workers);

    /// Throws errc::archive_truncated when the input ends inside a member, and what the decoder
    /// reports.
    boost::asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override;

private:
    /// Decodes until there is output, or more input is needed. Runs on the pool.
    std::size_t decode_some(std::span<std::byte> into);

    byte_source& packed_;
    encoding kind_;
    std::unique_ptr<decoder> decoder_;
    expansion_guard guard_;
    async::cpu_pool& workers_;
    std::vector<std::byte> input_;
    std::size_t begin_ = 0; // of what is not decoded yet
    std::size_t end_ = 0;
    bool input_ended_ = false;
    bool output_pending_ = false;
};

} // namespace tarpon::archive
