// A place where coroutines of one I/O thread wait until somebody says "look again".
//
// No memory of notifications: the waiter tests its own predicate in a loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace tarpon::async {

class condition {
public:
    explicit condition(const boost::asio::any_io_executor& executor);

    /// Completes after the next notify_all. Throws system_error(operation_aborted) when the
    /// waiting coroutine is cancelled.
    boost::asio::awaitable<void> wait();
    /// Only on the executor's thread.
    void notify_all();

private:
    boost::asio::steady_timer timer_;
};

} // namespace tarpon::async
