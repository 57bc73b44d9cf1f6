// See time_limit.hpp.
#include "async/time_limit.hpp"

#include "async/task_group.hpp"
#include "async/tokens.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <utility>

namespace tarpon::async {

namespace asio = boost::asio;

namespace {

/// Whether it ends well or throws, whoever waits for `timer` hears of it.
asio::awaitable<void>
run_then_wake(asio::awaitable<void> work, bool& ended, asio::steady_timer& timer) {
    struct mark {
        bool& ended;
        asio::steady_timer& timer;
        ~mark() {
            ended = true;
            timer.cancel();
        }
    } at_end{ended, timer};
    co_await std::move(work);
}

} // namespace

asio::awaitable<bool>
best_effort(asio::awaitable<void> work, std::chrono::steady_clock::duration time) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, time);
    bool ended = false;
    task_group group(executor);
    group.spawn(run_then_wake(std::move(work), ended, timer));
    // A wait that was cancelled must not keep join() from being entered.
    co_await asio::this_coro::throw_if_cancelled(false);
    (void)co_await timer.async_wait(nothrow);
    if (!ended)
        group.cancel();
    bool good = ended;
    try {
        co_await group.join();
    } catch (...) {
        good = false; // nobody is told why
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (group.join_cancelled())
        throw boost::system::system_error(asio::error::operation_aborted);
    co_return good;
}

asio::awaitable<void>
with_grace(asio::awaitable<void> work, std::chrono::steady_clock::duration grace) {
    co_await throw_if_stopped();
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, asio::steady_timer::time_point::max());
    bool ended = false;
    task_group group(executor);
    group.spawn(run_then_wake(std::move(work), ended, timer));
    co_await asio::this_coro::throw_if_cancelled(false);
    (void)co_await timer.async_wait(nothrow);
    const bool stopped = !ended;
    if (stopped) {
        timer.expires_after(grace);
        (void)co_await timer.async_wait(nothrow);
    }
    if (!ended)
        group.cancel();
    std::exception_ptr failed;
    try {
        co_await group.join();
    } catch (...) {
        failed = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (stopped || group.join_cancelled())
        throw boost::system::system_error(asio::error::operation_aborted);
    if (failed)
        std::rethrow_exception(failed);
}

} // namespace tarpon::async
