// See retry_policy.hpp.
#include "registry/retry_policy.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <ctime>
#include <string>

namespace tarpon::registry {

bool may_pass(int http_status) noexcept {
    switch (http_status) {
    case 408: // the server waited for us, or a proxy did
    case 429:
    case 499: // a gateway whose client (another gateway) went away
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        // 501 and 505 are about what the server can do; 520 and more are Cloudflare's ways of
        // saying that the registry behind it did not answer.
        return http_status >= 520 && http_status <= 599;
    }
}

bool may_pass(const error& what) noexcept {
    if (what.http_status() != 0)
        return may_pass(what.http_status());
    return what.code() == errc::transport_connect || what.code() == errc::transport_closed
           || what.code() == errc::transport_timeout;
}

std::string short_reason(const error& what) {
    return what.http_status() != 0 ? what.cause() : what.message();
}

retry_delay backoff(retry_delay first, int repetition, double dice) noexcept {
    const int doublings = std::clamp(repetition, 0, 20);
    const retry_delay whole =
        std::min<retry_delay>(first * (std::int64_t{1} << doublings), limits::retry_delay_max);
    const double share = 0.5 + 0.5 * std::clamp(dice, 0.0, 1.0);
    return retry_delay(static_cast<retry_delay::rep>(static_cast<double>(whole.count()) * share));
}

namespace {

/// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that is still sent.
std::optional<std::time_t> parse_http_date(const std::string& text) {
    std::tm parts{};
    const char* const end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (!end || *end != '\0')
        return std::nullopt;
    return timegm(&parts);
}

} // namespace

std::optional<retry_delay>
parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now) {
    const std::string_view value = trim(text);
    const retry_delay most = limits::retry_after_max;
    const bool all_digits = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return c >= '0' && c <= '9';
    });
    if (all_digits) {
        const auto seconds = parse_decimal(value);
        const auto cap = static_cast<std::uint64_t>(limits::retry_after_max.count());
        return seconds && *seconds < cap ? std::chrono::seconds(*seconds) : most;
    }
    const auto date = parse_http_date(std::string(value));
    if (!date)
        return std::nullopt;
    const auto wait = std::chrono::duration_cast<retry_delay>(
        std::chrono::system_clock::from_time_t(*date) - now);
    return std::clamp(wait, retry_delay::zero(), most);
}

} // namespace tarpon::registry
