// The public verb's run over one archive that somebody else receives: the body of PUT /push.
#pragma once

#include "async/cpu_pool.hpp"
#include "model/byte_stream.hpp"

#include <tarpon/push.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace tarpon::engine {

/// Everything about options that can be wrong without looking at an archive. Throws errc::usage.
void check_options(const push_options& options);

/// As tarpon::push with "-", but the archive comes from `from`, which like `observer` and `workers`
/// must outlive the awaitable; `name` stands for it in messages. Errors and cancellation as there.
boost::asio::awaitable<push_report> push_source(
    std::string name,
    byte_source& from,
    push_options options,
    progress_observer& observer,
    async::cpu_pool& workers);

} // namespace tarpon::engine
