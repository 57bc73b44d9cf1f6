// Requests over pooled connections: the one place that knows a keep-alive connection may be stale.
#pragma once

#include "transport/connection_pool.hpp"
#include "transport/http_download.hpp"
#include "transport/http_exchange.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>

namespace tarpon::transport {

/// Counters of a run, for the summary.
struct http_counters {
    std::uint64_t requests = 0;
    std::uint64_t body_bytes_sent = 0;
};

class http_client {
public:
    /// `trace` gets one line a request: method, URL without query, status, time. Never a header.
    http_client(
        boost::asio::any_io_executor executor,
        const connection_options& options,
        std::size_t connections_max,
        std::function<void(const std::string&)> trace = {});

    /// Sends and waits for the answer, whatever its status. A request that failed on a connection
    /// that had been idle, before any byte of the answer and of a streamed body, is sent once more
    /// on a fresh one. Throws `error` (transport_*, registry_protocol) and what the body throws.
    boost::asio::awaitable<http_response> send(http_request request);

    /// A GET whose body is read as it comes. Redirects and statuses are the caller's.
    boost::asio::awaitable<std::unique_ptr<http_download>> download(http_request request);

    /// From now on all bodies together go at this rate; not 0.
    void limit_rate(std::uint64_t bytes_per_second) { pace_.emplace(executor_, bytes_per_second); }

    boost::asio::any_io_executor executor() const { return executor_; }
    const http_counters& counters() const noexcept { return counters_; }
    std::uint64_t connections_opened() const noexcept {
        return pool_.opened() + downloads_.opened();
    }

private:
    boost::asio::awaitable<exchange_outcome>
    attempt(const http_request& request, bool fresh, bool& was_idle);

    boost::asio::any_io_executor executor_;
    connection_pool pool_;
    /// Whoever reads a download may need a connection for a request, to pass on what it reads; if
    /// both came out of one pool, enough readers would wait for each other for ever.
    connection_pool downloads_;
    http_counters counters_;
    std::size_t bodies_ = 0; ///< streamed ones under way
    std::optional<rate_limiter> pace_;
    std::function<void(const std::string&)> trace_;
};

} // namespace tarpon::transport
