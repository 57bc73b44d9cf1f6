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
    std::optional<async::slots::lease> try_acquire() { return turns_.try_acquire(); }

private:
    class waiter;

    int waiting_ = 0;
    idle_growth growth_;
    async::slots turns_;
};

} // namespace tarpon::engine
