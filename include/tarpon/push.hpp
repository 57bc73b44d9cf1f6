// The verb: push image archives into registries.
#pragma once

#include <tarpon/options.hpp>
#include <tarpon/progress.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tarpon {

/// Numbers of a whole run. Bytes and seconds.
struct push_summary {
    std::uint64_t images = 0; ///< references pushed or unchanged
    std::uint64_t failed = 0; ///< images (or whole archives) that were not pushed
    std::uint64_t blobs_uploaded = 0;
    std::uint64_t blobs_skipped = 0;
    std::uint64_t bytes_read = 0; ///< of layers; headers and metadata do not count
    std::uint64_t bytes_sent = 0; ///< bodies of requests
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    double seconds = 0;
    std::uint64_t peak_memory_bytes = 0; ///< of the process
};

struct push_report {
    std::vector<image_event> images;
    std::vector<failure_event> failures;
    push_summary summary;

    /// The contract's exit code: 0; 7 when something was pushed and something failed; else the
    /// code of the first failure's class.
    int exit_code() const;
};

/// Pushes every image of every archive ("-" is standard input).
///
/// Shape:    failures of one image or archive do not stop the others; they are in the report.
/// Errors:   throws `error` only for what concerns the run as a whole (errc::usage, a CA file that
///           cannot be read); all else is reported.
/// Lifetime: `observer` must outlive the awaitable. The executor of the awaiting coroutine must be
///           one thread's (an io_context that one thread runs).
/// Cancel:   terminal; uploads under way are abandoned, nothing more is tagged. The report still
///           comes, with one failure of errc::cancelled (exit code 130).
/// Source:   distribution-spec v1.1 "Push".
boost::asio::awaitable<push_report>
push(std::vector<std::string> archives, push_options options, progress_observer& observer);

/// The same, blocking, on the calling thread.
push_report push_blocking(
    std::vector<std::string> archives, const push_options& options, progress_observer& observer);

} // namespace tarpon
