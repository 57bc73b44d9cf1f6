// The frame of a verb that pushes or asks: an event loop of its own, which the first signal
// cancels.
#pragma once

#include "cli/stop_signals.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace tarpon::cli {

/// Signals are caught from its making: whoever has seen output that came after it may interrupt.
class stoppable_run {
public:
    /// Runs `work` to its end and gives what it returns. Throws what it throws.
    template <class Result>
    Result operator()(boost::asio::awaitable<Result> work) {
        std::optional<Result> result;
        std::exception_ptr failed;
        auto on_end = [&](std::exception_ptr e, Result r) {
            failed = e;
            result = std::move(r);
            stop_.forget();
        };
        boost::asio::co_spawn(
            io_, std::move(work), boost::asio::bind_cancellation_slot(stop_.slot(), on_end));
        io_.run();
        if (failed)
            std::rethrow_exception(failed);
        return std::move(*result);
    }

    /// Was there a signal?
    bool stopped() const noexcept { return stop_.received(); }

private:
    boost::asio::io_context io_{1};
    stop_signals stop_{io_};
};

} // namespace tarpon::cli
