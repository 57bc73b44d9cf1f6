// How fast do bodies leave through the HTTP client, plain and over TLS, with a known length and
// chunked? Bytes per second of body, all on one thread; the far end drops them on another.
// `cpu_per_GB` is of the sending thread: wall time depends on what else the machine does.
#include "micro/far_end.hpp"
#include "micro/material.hpp"
#include "transport/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <exception>

namespace {

using namespace tarpon;
namespace asio = boost::asio;

constexpr std::uint64_t body_bytes = 64 << 20;

/// The same piece again and again; what a layer_stream gives when it never has to wait.
class repeating_body final : public body_source {
public:
    repeating_body(std::span<const std::byte> piece, bool length_known)
        : piece_(piece)
        , length_known_(length_known) {}

    asio::awaitable<body_piece> next() override {
        body_piece piece;
        if (given_ < body_bytes)
            piece.bytes = piece_;
        given_ += piece.bytes.size();
        co_return piece;
    }
    std::optional<std::uint64_t> length() const override {
        return length_known_ ? std::optional(body_bytes) : std::nullopt;
    }

private:
    std::span<const std::byte> piece_;
    bool length_known_;
    std::uint64_t given_ = 0;
};

asio::awaitable<void>
send_one(transport::http_client& client, bool tls, bool length_known, const std::string& piece) {
    repeating_body body(std::as_bytes(std::span(piece)), length_known);
    transport::http_request request;
    request.method = "PATCH";
    request.to = {{tls, "127.0.0.1", bench::far_end_port(tls)}, "/"};
    request.stream = &body;
    const auto response = co_await client.send(std::move(request));
    if (!response.ok())
        throw error(errc::internal, "the far end refused a body");
}

double cpu_seconds(int who) {
    struct rusage usage {};
    getrusage(who, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Argument: bytes of a piece.
void send_body(benchmark::State& state, bool tls, bool length_known) {
    const std::string piece = bench::noise(static_cast<std::size_t>(state.range(0)));
    asio::io_context io{1};
    connection_options options;
    options.insecure = true;
    transport::http_client client(io.get_executor(), options, 1);
    const double cpu_before = cpu_seconds(RUSAGE_THREAD);
    for (auto _ : state) {
        std::exception_ptr failed;
        auto on_end = [&failed](std::exception_ptr e) {
            failed = e;
        };
        asio::co_spawn(io, send_one(client, tls, length_known, piece), on_end);
        io.restart();
        io.run();
        if (failed)
            std::rethrow_exception(failed);
    }
    const auto bytes = static_cast<double>(state.iterations()) * static_cast<double>(body_bytes);
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
    state.counters["cpu_per_GB"] = (cpu_seconds(RUSAGE_THREAD) - cpu_before) / bytes * 1e9;
}

BENCHMARK_CAPTURE(send_body, http_length, false, true)->Arg(64 << 10)->Arg(512 << 10);
BENCHMARK_CAPTURE(send_body, http_chunked, false, false)->Arg(64 << 10)->Arg(512 << 10);
BENCHMARK_CAPTURE(send_body, tls_length, true, true)->Arg(64 << 10)->Arg(512 << 10);
BENCHMARK_CAPTURE(send_body, tls_chunked, true, false)->Arg(64 << 10)->Arg(512 << 10);

} // namespace
