// A timer that never fires on its own; cancelling its waits is the notification.
#include "async/condition.hpp"

#include "async/tokens.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

namespace tarpon::async {

namespace asio = boost::asio;

condition::condition(const asio::any_io_executor& executor)
    : timer_(executor, asio::steady_timer::time_point::max()) {}

asio::awaitable<void> condition::wait() {
    // Notified or cancelled, the wait ends with operation_aborted; only the coroutine's own
    // cancellation state tells which it was.
    (void)co_await timer_.async_wait(nothrow);
    co_await throw_if_stopped();
}

asio::awaitable<void> throw_if_stopped() {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
}

void condition::notify_all() {
    timer_.cancel();
}

} // namespace tarpon::async
