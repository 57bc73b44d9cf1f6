// CPU work and blocking calls leave the I/O thread here, and only here.
//
// Work goes to the pool and its outcome comes back to the I/O executor, together with everything
// the work owned: destructors of leases and counters run on the I/O thread again. A job that has
// begun is not interrupted (jobs are short: one block, one read).
#pragma once

#include "async/cpu_pool.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace tarpon::async {

/// Runs `work()` on `where` (the pool or a strand of it), then `done(std::move(work))` on `home`.
/// For work that no coroutine waits for on its own; both must not throw. The pool has to end before
/// the context of `home` does: its threads are still about the context for a moment after `done`
/// can run.
template <class Executor, class Work, class Done>
void submit(const Executor& where, const boost::asio::any_io_executor& home, Work work, Done done) {
    auto guard = boost::asio::make_work_guard(home);
    boost::asio::post(
        where,
        [guard = std::move(guard), work = std::move(work), done = std::move(done)]() mutable {
            work();
            auto executor = guard.get_executor();
            boost::asio::post(
                executor, [guard = std::move(guard), work = std::move(work),
                           done = std::move(done)]() mutable { done(std::move(work)); });
        });
}

namespace detail {
template <class Work, class Value>
struct pool_job {
    explicit pool_job(Work w)
        : work(std::move(w)) {}

    Work work;
    std::optional<Value> value;
    std::exception_ptr failed;

    void operator()() noexcept {
        try {
            if constexpr (std::is_same_v<Value, std::monostate>)
                work();
            else
                value.emplace(work());
        } catch (...) {
            failed = std::current_exception();
        }
    }
};
} // namespace detail

/// co_await run_on(where, work): the value of `work()`, or what it threw.
template <class Executor, class Work>
auto run_on(Executor where, Work work) -> boost::asio::awaitable<std::invoke_result_t<Work&>> {
    using result = std::invoke_result_t<Work&>;
    using value = std::conditional_t<std::is_void_v<result>, std::monostate, result>;
    auto job = std::make_shared<detail::pool_job<Work, value>>(std::move(work));
    auto initiate = [job, where](auto handler) {
        auto home = boost::asio::any_io_executor(boost::asio::get_associated_executor(handler));
        auto run = [job] {
            (*job)();
        };
        auto resume = [handler = std::move(handler)](auto) mutable {
            std::move(handler)();
        };
        submit(where, home, std::move(run), std::move(resume));
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        initiate, boost::asio::use_awaitable);
    if (job->failed)
        std::rethrow_exception(job->failed);
    if constexpr (!std::is_void_v<result>)
        co_return std::move(*job->value);
}

} // namespace tarpon::async
