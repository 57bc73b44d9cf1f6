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

/// By nohup, for one.
bool is_ignored(int number) noexcept {
    struct sigaction now {};
    return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

} // namespace

stop_signals::stop_signals(asio::io_context& io)
    : signals_(io, SIGINT, SIGTERM) {
    if (!is_ignored(SIGHUP))
        signals_.add(SIGHUP);
    wait();
}

void stop_signals::wait() {
    auto on_signal = [this](const boost::system::error_code& ec, int number) {
        if (ec)
            return;
        const auto now = std::chrono::steady_clock::now();
        // The system and the shell both tell that a terminal is gone; nobody is impatient there.
        if (received_ && (now - first_ < echo_time || number == SIGHUP)) {
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
