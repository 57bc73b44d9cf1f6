// See password.hpp. The terminal is read with poll and read, not through std::cin: a signal has to
// end the wait, and the echo has to be back before the program ends.
#include "cli/password.hpp"

#include <tarpon/error.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace tarpon::cli {
namespace {

volatile std::sig_atomic_t signal_seen = 0;

extern "C" void note_signal(int) {
    signal_seen = 1;
}

/// Signals that would end the program are only noted, and come only inside `wait`, for the life of
/// this object. What the parent chose to ignore stays ignored (nohup).
class held_signals {
public:
    held_signals() {
        signal_seen = 0;
        sigset_t held;
        sigemptyset(&held);
        for (const int number : numbers)
            sigaddset(&held, number);
        ::pthread_sigmask(SIG_BLOCK, &held, &mask_before_);
        struct sigaction note {};
        note.sa_handler = &note_signal;
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            ::sigaction(numbers[i], nullptr, &before_[i]);
            if (before_[i].sa_handler != SIG_IGN)
                ::sigaction(numbers[i], &note, nullptr);
        }
    }
    ~held_signals() {
        for (std::size_t i = 0; i < numbers.size(); ++i)
            ::sigaction(numbers[i], &before_[i], nullptr);
        ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
    }
    held_signals(const held_signals&) = delete;
    held_signals& operator=(const held_signals&) = delete;

    /// Until there is something to read; false when a signal came instead.
    bool wait(int fd) const {
        while (!signal_seen) {
            pollfd watched{fd, POLLIN, 0};
            if (::ppoll(&watched, 1, nullptr, &mask_before_) >= 0 || errno != EINTR)
                return !signal_seen;
        }
        return false;
    }

private:
    static constexpr std::array<int, 4> numbers{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    sigset_t mask_before_{};
    std::array<struct sigaction, numbers.size()> before_{};
};

/// Switches the terminal's echo off, and on again whatever happens.
class silent_terminal {
public:
    explicit silent_terminal(bool silent) {
        if (!silent || ::tcgetattr(STDIN_FILENO, &before_) != 0)
            return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
    ~silent_terminal() {
        if (!changed_)
            return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::fputc('\n', stderr);
    }
    silent_terminal(const silent_terminal&) = delete;
    silent_terminal& operator=(const silent_terminal&) = delete;

private:
    termios before_{};
    bool changed_ = false;
};

/// One line without its end; what there is when the terminal says that no more comes (Ctrl-D).
std::string read_line(const held_signals& signals) {
    std::string line;
    std::array<char, 4096> piece;
    while (!line.ends_with('\n')) {
        if (!signals.wait(STDIN_FILENO))
            throw error(errc::cancelled, "interrupted at the question for user name and password");
        const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return line;
        line.append(piece.data(), static_cast<std::size_t>(got));
    }
    line.pop_back();
    return line;
}

} // namespace

std::string read_password_line() {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty())
        throw error(errc::usage, "--password-stdin: there is no password on standard input");
    while (line.ends_with('\r'))
        line.pop_back();
    return line;
}

std::string ask_on_terminal(const std::string& question, bool echo) {
    if (::isatty(STDIN_FILENO) == 0)
        throw error(
            errc::usage, "user name and password are needed, and there is no terminal to ask on",
            {}, "--username USER --password-stdin");
    std::string line;
    {
        const held_signals signals; // let go last, when the echo is back
        const silent_terminal silence(!echo);
        // The question comes when all is ready, so that whoever has seen it may interrupt.
        std::fputs(question.c_str(), stderr);
        std::fflush(stderr);
        line = read_line(signals);
    }
    if (line.empty())
        throw error(errc::usage, "user name and password are needed, and nothing was typed");
    return line;
}

} // namespace tarpon::cli
