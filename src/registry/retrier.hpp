// The waiting between tries. One for each registry, so that a host that asks to be left alone is
// left alone by everything that goes there.
#pragma once

#include "registry/retry_policy.hpp"
#include "transport/http_message.hpp"

#include <tarpon/progress.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <random>
#include <string>

namespace tarpon::registry {

struct retry_settings {
    int retries_max = 0; ///< tries after the first, for each request or blob
    retry_delay first_delay = limits::retry_delay_first;
    std::function<void(const retry_event&)> tell = {};
};

class retrier {
public:
    retrier(boost::asio::any_io_executor executor, retry_settings with);

    /// Completes when the host may be asked (again). Cancel: terminal.
    boost::asio::awaitable<void> wait_turn();
    /// An answer of the host: 429 and 503 with Retry-After hold everything back.
    void note(const transport::http_response& answer);
    /// After a failure that may pass: false if `repetitions` were all there may be; else tells,
    /// waits and gives true. `what` failed because of `why`. Cancel: terminal.
    boost::asio::awaitable<bool> again(int repetitions, std::string what, std::string why);

    bool enabled() const noexcept { return with_.retries_max > 0; }

private:
    using clock = std::chrono::steady_clock;

    boost::asio::any_io_executor executor_;
    retry_settings with_;
    clock::time_point not_before_{};
    std::minstd_rand dice_;
};

} // namespace tarpon::registry
