// A nursery: child coroutines that end before their parent goes on.
//
// The parent awaits join() on every path. The first failure in time cancels the other children and
// is what join() throws; cancelling the parent cancels them too. Nothing is ever detached.
#pragma once

#include "async/condition.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <exception>
#include <list>

namespace tarpon::async {

class task_group {
public:
    explicit task_group(boost::asio::any_io_executor executor);
    /// Asserts that join() was awaited.
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts a child. Its frame must own or outlive what it uses.
    void spawn(boost::asio::awaitable<void> child);
    /// Waits for all children, also those spawned meanwhile; rethrows the first failure.
    boost::asio::awaitable<void> join();
    void cancel();
    /// Was join() cancelled, and with it the children? Tells a caller that cancels them itself and
    /// so expects what join() throws.
    bool join_cancelled() const noexcept { return join_cancelled_; }

    std::size_t running() const noexcept { return children_.size(); }

private:
    using child_list = std::list<boost::asio::cancellation_signal>;
    void on_done(child_list::iterator child, std::exception_ptr failed);

    boost::asio::any_io_executor executor_;
    condition done_;
    child_list children_;
    std::exception_ptr failed_;
    bool cancelled_ = false;
    bool join_cancelled_ = false;
};

} // namespace tarpon::async
