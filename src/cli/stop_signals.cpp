// See stop_signals.hpp.
#include "cli/stop_signals.hpp"

#include <csignal>
#include <unistd.h>

namespace tarpon::cli {

namespace asio = boost::asio;

stop_signals::stop_signals(asio::io_context& io)
    : signals_(io, SIGINT, SIGTERM) {
    wait();
}

void stop_signals::wait() {
    auto on_signal = [this](const boost::system::error_code& ec, int) {
        if (ec)
            return;
        if (received_) {
            static constexpr char last_words[] = "\x1b[?25h\ntarpon: stopped\n";
            (void)!::write(STDERR_FILENO, last_words, sizeof last_words - 1);
            ::_exit(130);
        }
        received_ = true;
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
