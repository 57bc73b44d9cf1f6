// See retrier.hpp.
#include "registry/retrier.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace tarpon::registry {

namespace asio = boost::asio;

retrier::retrier(asio::any_io_executor executor, retry_settings with)
    : executor_(std::move(executor))
    , with_(std::move(with))
    , dice_(std::random_device{}()) {}

asio::awaitable<void> retrier::wait_turn() {
    // Whoever waits may find that the host asked for more time meanwhile.
    while (clock::now() < not_before_) {
        asio::steady_timer timer(executor_, not_before_);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

void retrier::note(const transport::http_response& answer) {
    if (!enabled() || (answer.status != 429 && answer.status != 503))
        return;
    const auto wait =
        parse_retry_after(answer.header("Retry-After"), std::chrono::system_clock::now());
    if (wait)
        not_before_ = std::max(not_before_, clock::now() + *wait);
}

asio::awaitable<bool> retrier::again(int repetitions, std::string what, std::string why) {
    if (repetitions >= with_.retries_max)
        co_return false;
    const double dice = std::uniform_real_distribution<>(0.0, 1.0)(dice_);
    const auto due =
        std::max(not_before_, clock::now() + backoff(with_.first_delay, repetitions, dice));
    if (with_.tell) {
        retry_event event;
        event.what = std::move(what);
        event.attempt = repetitions + 1;
        event.attempts_max = with_.retries_max;
        event.delay = std::chrono::duration_cast<retry_delay>(due - clock::now());
        event.reason = std::move(why);
        with_.tell(event);
    }
    asio::steady_timer timer(executor_, due);
    co_await timer.async_wait(asio::use_awaitable);
    co_return true;
}

} // namespace tarpon::registry
