// Errors of coroutines as values, for assertions: co_await is not possible inside a check macro.
#pragma once

#include "support/printing.hpp"

#include <tarpon/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <stdexcept>

namespace tarpon::test {

/// What `work` throws. Throws itself if `work` comes to a good end.
template <class T>
boost::asio::awaitable<error> error_of(boost::asio::awaitable<T> work) {
    try {
        (void)co_await std::move(work);
    } catch (const error& e) {
        co_return e;
    }
    throw std::runtime_error("no error where one was expected");
}

inline boost::asio::awaitable<error> error_of(boost::asio::awaitable<void> work) {
    try {
        co_await std::move(work);
    } catch (const error& e) {
        co_return e;
    }
    throw std::runtime_error("no error where one was expected");
}

} // namespace tarpon::test
