// See http_client.hpp.
#include "transport/http_client.hpp"

#include "async/one_more.hpp"
#include "model/text.hpp"

namespace tarpon::transport {

namespace asio = boost::asio;

http_client::http_client(
    asio::any_io_executor executor,
    const connection_options& options,
    std::size_t connections_max,
    std::function<void(const std::string&)> trace)
    : executor_(executor)
    , pool_(executor, options, connections_max)
    , downloads_(std::move(executor), options, connections_max)
    , trace_(std::move(trace)) {}

asio::awaitable<exchange_outcome>
http_client::attempt(const http_request& request, bool fresh, bool& was_idle) {
    connection_lease lease = co_await pool_.acquire(request.to.at, fresh);
    was_idle = lease.used_before();
    ++counters_.requests;
    lease->pace = pace_ ? &*pace_ : nullptr;
    lease->bodies = &bodies_;
    std::optional<async::one_more> under_way;
    if (request.stream)
        under_way.emplace(bodies_);
    exchange_outcome outcome = co_await exchange(*lease, request);
    if (outcome.reusable)
        lease.keep();
    co_return outcome;
}

asio::awaitable<http_response> http_client::send(http_request request) {
    const auto begun = std::chrono::steady_clock::now();
    auto count = [this, outer = std::move(request.on_sent)](std::size_t bytes) {
        counters_.body_bytes_sent += bytes;
        if (outer)
            outer(bytes);
    };
    if (!request.stream)
        counters_.body_bytes_sent += request.body.size();
    request.on_sent = std::move(count);
    bool was_idle = false;
    exchange_outcome outcome = co_await attempt(request, false, was_idle);
    if (!outcome.response && was_idle && !outcome.answer_begun && !outcome.body_begun)
        outcome = co_await attempt(request, true, was_idle);
    if (trace_) {
        const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - begun);
        const std::string end =
            outcome.response ? std::to_string(outcome.response->status) : outcome.failed->message();
        trace_(concat(
            request.method, " ", request.to.redacted(), " -> ", end, " (", time.count(), " ms)"));
    }
    if (!outcome.response)
        throw *outcome.failed;
    co_return std::move(*outcome.response);
}

asio::awaitable<std::unique_ptr<http_download>> http_client::download(http_request request) {
    // A fresh connection: a body that breaks half-way cannot be told from a stale one in time.
    connection_lease lease = co_await downloads_.acquire(request.to.at, true);
    ++counters_.requests;
    co_return co_await http_download::begin(std::move(lease), std::move(request));
}

} // namespace tarpon::transport
