// How many large blobs of a file are uploaded side by side: as many as there are processors and one
// more, and a further one each time the machine turns out to have had nothing to do for a part of
// the time.
//
// Where the processors are the limit (a registry on the same machine, a compressor that is slower
// than the line), more uploads at a time end no sooner. They only take time from the largest, which
// then goes on alone at the end. Where the line is the limit, there is idle time, and all of
// `--jobs` are under way after a moment.
#pragma once

#include "async/deadline.hpp"
#include "async/slots.hpp"
#include "model/processor_time.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>

namespace tarpon::engine {

class upload_gate {
public:
    using clock = std::function<std::optional<processor_time>()>;

    /// `first`: so many from the start; `most`: never more. `look` tells how busy the machine is;
    /// if it cannot, there are as many as may be.
    upload_gate(
        const boost::asio::any_io_executor& executor,
        int first,
        int most,
        clock look = read_processor_time);

    /// As async::slots::acquire.
    boost::asio::awaitable<async::slots::lease> acquire();

private:
    class waiter;
    void begin_to_look();
    void look_again();

    const int most_;
    const clock look_;
    int limit_;
    int waiting_ = 0;
    std::optional<processor_time> before_;
    async::slots turns_;
    async::deadline next_look_;
};

} // namespace tarpon::engine
