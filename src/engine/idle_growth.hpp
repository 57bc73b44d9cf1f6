// A number that grows by one each time the machine turns out to have had nothing to do for a part
// of the time: of uploads side by side (upload_gate.hpp), of layers a pipe is read ahead.
//
// Where the processors are the limit (a registry on the same machine, a compressor that is slower
// than the line), more at a time ends no sooner and costs memory. Where the line is the limit,
// there is idle time, and all that is allowed is under way after a moment.
#pragma once

#include "async/deadline.hpp"
#include "model/processor_time.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <optional>

namespace tarpon::engine {

/// So many layers at a time keep every processor busy: one for each, and one that waits for the
/// line.
int enough_for_the_processors() noexcept;

class idle_growth {
public:
    using clock = std::function<std::optional<processor_time>()>;

    /// `first`: the number from the start; `most`: never more. `grown` hears each new number.
    /// `look` tells how busy the machine is; if it cannot at begin(), the number is `most` at once.
    idle_growth(
        const boost::asio::any_io_executor& executor,
        int first,
        int most,
        std::function<void(int)> grown,
        clock look = read_processor_time);

    int now() const noexcept { return now_; }
    /// Looks from now on, until end() or `most`.
    void begin();
    void end();

private:
    void look_again();

    const int most_;
    const std::function<void(int)> grown_;
    const clock look_;
    int now_;
    std::optional<processor_time> before_;
    async::deadline next_look_;
};

} // namespace tarpon::engine
