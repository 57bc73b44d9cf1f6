// See task_group.hpp.
#include "async/task_group.hpp"

#include "async/tokens.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <cassert>

namespace tarpon::async {

namespace asio = boost::asio;

namespace {

// A spawned coroutine that ends cancelled without having suspended once throws out of
// io_context::run() in Boost 1.81 (asio #1452). So every child suspends first, with the automatic
// throw switched off, and switches it on afterwards.
asio::awaitable<void> suspended_start(asio::awaitable<void> child) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    co_await asio::this_coro::throw_if_cancelled(true);
    co_await std::move(child);
}

} // namespace

task_group::task_group(asio::any_io_executor executor)
    : executor_(executor)
    , done_(executor) {}

task_group::~task_group() {
    assert(children_.empty());
}

void task_group::spawn(asio::awaitable<void> child) {
    const auto at = children_.emplace(children_.end());
    auto on_end = [this, at](std::exception_ptr failed) {
        on_done(at, failed);
    };
    asio::co_spawn(
        executor_, suspended_start(std::move(child)),
        asio::bind_cancellation_slot(at->slot(), std::move(on_end)));
    if (cancelled_)
        at->emit(asio::cancellation_type::terminal);
}

void task_group::on_done(child_list::iterator child, std::exception_ptr failed) {
    if (failed && !failed_) {
        failed_ = failed;
        // Those that were told already may be using their grace.
        if (!cancelled_)
            cancel();
    }
    // The signal's memory is still in use by the coroutine that is just ending.
    auto forget = [this, child] {
        children_.erase(child);
        done_.notify_all();
    };
    asio::post(executor_, std::move(forget));
}

void task_group::cancel() {
    cancelled_ = true;
    for (auto& child : children_)
        child.emit(asio::cancellation_type::terminal);
}

asio::awaitable<void> task_group::join() {
    // From here on this coroutine only passes cancellation on; it leaves when the children have.
    const auto at_entry = co_await asio::this_coro::cancellation_state;
    bool stopped = at_entry.cancelled() != asio::cancellation_type::none;
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!children_.empty()) {
        if (stopped) {
            join_cancelled_ = true;
            cancel();
            // Else every further wait would return at once.
            co_await asio::this_coro::reset_cancellation_state(
                asio::enable_terminal_cancellation());
        }
        try {
            co_await done_.wait();
            stopped = false;
        } catch (const boost::system::system_error&) {
            stopped = true;
        }
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (failed_)
        std::rethrow_exception(failed_);
    if (cancelled_)
        throw boost::system::system_error(asio::error::operation_aborted);
}

} // namespace tarpon::async
