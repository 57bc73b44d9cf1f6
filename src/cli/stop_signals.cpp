// See stop_signals.hpp.
#include "cli/stop_signals.hpp"

#include <csignal>
#include <string_view>
#include <unistd.h>

namespace tarpon::cli {

namespace asio = boost::asio;

namespace {

/// Some that stop a process signal it and then its group: that is one signal.
constexpr std::chrono::milliseconds echo_time{300};

} // namespace

stop_signals::stop_signals(asio::io_context& io)
    : signals_(io, SIGINT, SIGTERM) {
    wait();
}

void stop_signals::wait() {
    auto on_signal = [this](const boost::system::error_code& ec, int) {
        if (ec)
            return;
        const auto now = std::chrono::steady_clock::now();
        if (received_ && now - first_ < echo_time) {
            wait();
            return;
        }
        if (received_) {
            static constexpr std::string_view cursor = "\x1b[?25h\n";
            static constexpr std::string_view last_words = "tarpon: stopped\n";
            if (::isatty(STDERR_FILENO) == 1)
                (void)!::write(STDERR_FILENO, cursor.data(), cursor.size());
            (void)!::write(STDERR_FILENO, last_words.data(), last_words.size());
            ::_exit(130);
        }
        received_ = true;
        first_ = now;
        stop_.emit(asio::cancellation_type::terminal);
        wait();
    };
    signals_.async_wait(on_signal);
}

void stop_signals::forget() {
    boost::system::error_code ignored;
    signals_.cancel(ignored);
}

} // namespace tarpon::cli
