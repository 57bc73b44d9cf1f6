// A watchdog for one operation at a time: if it is not disarmed in time, it bites once.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace tarpon::async {

class deadline {
public:
    /// `expired` runs on the executor; it should make the pending operation fail (close a socket).
    /// It does not run any more once the deadline is disarmed or destroyed.
    deadline(const boost::asio::any_io_executor& executor, std::function<void()> expired);
    ~deadline();
    deadline(const deadline&) = delete;
    deadline& operator=(const deadline&) = delete;

    /// Starts the time anew.
    void arm(std::chrono::steady_clock::duration time);
    void disarm();
    bool expired() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace tarpon::async
