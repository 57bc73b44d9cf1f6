// Times for logs and reports, as RFC 3339 writes them.
#pragma once

#include <chrono>
#include <string>

namespace tarpon {

enum class time_precision { seconds, milliseconds };

/// "2026-08-24T10:02:44Z", or "2026-08-24T10:02:44.017Z".
std::string utc_time(std::chrono::system_clock::time_point at, time_precision precision);

} // namespace tarpon
