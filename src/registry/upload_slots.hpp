// Turns to upload to one host: as many at a time as concurrency_limit says, first come, first
// served. (A pipe's layers must get their turns in their order: a later one cannot be read while an
// earlier one that waits holds the memory.)
#pragma once

#include "async/slots.hpp"
#include "registry/concurrency_limit.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::registry {

class upload_slots {
public:
    upload_slots(const boost::asio::any_io_executor& executor, int ceiling)
        : limit_(ceiling)
        , slots_(executor, ceiling) {}

    /// As async::slots::acquire.
    boost::asio::awaitable<async::slots::lease> acquire() { return slots_.acquire(); }

    /// See concurrency_limit.
    void succeeded() {
        limit_.succeeded();
        slots_.set_limit(limit_.value());
    }
    void pushed_back(concurrency_limit::time_point begun) {
        limit_.pushed_back(begun, concurrency_limit::time_point::clock::now());
        slots_.set_limit(limit_.value());
    }

private:
    concurrency_limit limit_;
    async::slots slots_;
};

} // namespace tarpon::registry
