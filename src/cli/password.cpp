// See password.hpp.
#include "cli/password.hpp"

#include <tarpon/error.hpp>

#include <cstdio>
#include <iostream>
#include <termios.h>
#include <unistd.h>

namespace tarpon::cli {
namespace {

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
    std::fputs(question.c_str(), stderr);
    std::fflush(stderr);
    const silent_terminal silence(!echo);
    std::string line;
    std::getline(std::cin, line);
    return line;
}

} // namespace tarpon::cli
