// One at a time: coroutines of one I/O thread that must not do something side by side.
#pragma once

#include "async/condition.hpp"

#include <boost/asio/awaitable.hpp>

#include <utility>

namespace tarpon::async {

class turn;

/// The turn of whoever holds this; over when it is destroyed.
class turn_holder {
public:
    explicit turn_holder(turn& of) noexcept
        : of_(&of) {}
    turn_holder(turn_holder&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)) {}
    turn_holder& operator=(turn_holder&&) = delete;
    inline ~turn_holder();

private:
    turn* of_;
};

class turn {
public:
    explicit turn(const boost::asio::any_io_executor& executor)
        : over_(executor) {}

    /// Completes when nobody else has it. Throws system_error(operation_aborted) when the waiting
    /// coroutine is cancelled. The turn must outlive its holder.
    boost::asio::awaitable<turn_holder> take() {
        while (taken_)
            co_await over_.wait();
        taken_ = true;
        co_return turn_holder(*this);
    }

private:
    friend class turn_holder;

    bool taken_ = false;
    condition over_;
};

turn_holder::~turn_holder() {
    if (!of_)
        return;
    of_->taken_ = false;
    of_->over_.notify_all();
}

} // namespace tarpon::async
