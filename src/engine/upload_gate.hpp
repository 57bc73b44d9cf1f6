// How many large blobs of a file are uploaded side by side: as many as there are processors and one
// more, and more while the machine has nothing to do (idle_growth.hpp).
//
// Where the processors are the limit, more uploads at a time only take time from the largest, which
// then goes on alone at the end.
#pragma once

#include "async/slots.hpp"
#include "engine/idle_growth.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace tarpon::engine {

class upload_gate {
public:
    /// As idle_growth; somebody looks only while an upload waits.
    upload_gate(
        const boost::asio::any_io_executor& executor,
        int first,
        int most,
        idle_growth::clock look = read_processor_time);

    /// As async::slots; the largest of those that wait goes first.
    boost::asio::awaitable<async::slots::lease> acquire(std::uint64_t bytes);

    /// Of an upload that may turn out not to be needed, in the order of their sizes: it has a place
    /// from the start if there is one and no earlier one came too late for it.
    class reservation;

private:
    class waiter;

    int without_place_ = 0; ///< reservations
    int waiting_ = 0;
    idle_growth growth_;
    async::slots turns_;
};

/// The gate must outlive it.
class upload_gate::reservation {
public:
    explicit reservation(upload_gate& at);
    ~reservation();
    reservation(const reservation&) = delete;
    reservation& operator=(const reservation&) = delete;

    /// The place, if there is one; only once.
    std::optional<async::slots::lease> take() { return std::move(place_); }

private:
    upload_gate& at_;
    std::optional<async::slots::lease> place_;
    const bool without_;
};

} // namespace tarpon::engine
