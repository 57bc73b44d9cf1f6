// SIGINT, SIGTERM and SIGHUP: the first asks for an orderly end; a second SIGINT or SIGTERM ends at
// once.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <chrono>

namespace tarpon::cli {

class stop_signals {
public:
    /// SIGHUP stays ignored where it was (nohup).
    explicit stop_signals(boost::asio::io_context& io);

    /// Where the first signal is delivered, as terminal cancellation.
    boost::asio::cancellation_slot slot() { return stop_.slot(); }
    bool received() const noexcept { return received_; }
    /// Lets the event loop end.
    void forget();

private:
    void wait();

    boost::asio::signal_set signals_;
    boost::asio::cancellation_signal stop_;
    bool received_ = false;
    std::chrono::steady_clock::time_point first_;
};

} // namespace tarpon::cli
