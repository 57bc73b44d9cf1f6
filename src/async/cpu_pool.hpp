// The threads that do CPU work and blocking calls. Work gets there through run_on.hpp.
//
// Where the system gives fewer threads than asked for (a limit of processes or tasks), the pool has
// those it got. asio::thread_pool would wait for ever for the first ones when a later one cannot be
// started.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <thread>
#include <vector>

namespace tarpon::async {

class cpu_pool {
public:
    using executor_type = boost::asio::io_context::executor_type;

    /// Throws errc::internal when not a single thread can be started.
    explicit cpu_pool(std::size_t threads);
    /// Waits for all work.
    ~cpu_pool();
    cpu_pool(const cpu_pool&) = delete;
    cpu_pool& operator=(const cpu_pool&) = delete;

    executor_type get_executor() noexcept { return jobs_.get_executor(); }
    /// Waits for all work; nothing may be given to the pool afterwards.
    void join();
    std::size_t threads() const noexcept { return threads_.size(); }

private:
    boost::asio::io_context jobs_;
    boost::asio::executor_work_guard<executor_type> open_{jobs_.get_executor()};
    std::vector<std::thread> threads_;
};

} // namespace tarpon::async
