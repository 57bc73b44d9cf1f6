// The access log: a line of JSON for each request.
//
// Lines are handed to a thread of their own, so that neither a full disk nor a reader that has
// stopped reading holds up the server: what it cannot take in time is dropped and counted. A file
// that was moved away or removed (logrotate) is made anew before the next lines are written.
#pragma once

#include "server/request_record.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace tarpon::server {

/// One line with its line feed: time (UTC, milliseconds), client, user, method, path, status,
/// complete, bytes_in, bytes_out, seconds, user_agent. What is not known is null. Pure.
std::string access_line(const request_record& request, std::chrono::system_clock::time_point now);

class access_log {
public:
    /// `path` "-": standard output. Throws errc::usage when it cannot be opened.
    explicit access_log(std::string path);
    /// Writes what is waiting, if that goes quickly.
    ~access_log();
    access_log(const access_log&) = delete;
    access_log& operator=(const access_log&) = delete;

    /// Does not wait. On one thread only.
    void write(const std::string& line);
    /// Lines that were dropped since the last question.
    std::uint64_t take_lost() noexcept;

private:
    void work();
    void write_out(const std::string& lines);
    void open_file();
    bool was_moved() const;
    bool stopping();

    const std::string path_;
    int descriptor_ = -1;
    std::uint64_t lost_ = 0;
    std::mutex mutex_; // for what follows
    std::condition_variable changed_;
    std::string waiting_;
    bool stopping_ = false;
    std::thread writer_;
};

} // namespace tarpon::server
