// See cpu_pool.hpp.
#include "async/cpu_pool.hpp"

#include <tarpon/error.hpp>

#include <system_error>

namespace tarpon::async {

cpu_pool::cpu_pool(std::size_t threads) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        try {
            threads_.emplace_back([this] { jobs_.run(); });
        } catch (const std::system_error& e) {
            if (threads_.empty())
                throw error(
                    errc::internal, "no thread can be started", e.what(),
                    "raise the limit of processes or tasks (ulimit -u, TasksMax=)");
            return;
        }
    }
}

cpu_pool::~cpu_pool() {
    join();
}

void cpu_pool::join() {
    open_.reset();
    for (std::thread& one : threads_)
        if (one.joinable())
            one.join();
}

} // namespace tarpon::async
