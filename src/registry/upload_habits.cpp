// See upload_habits.hpp. Which registry refuses what: docs/registries.md.
#include "registry/upload_habits.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::registry {

upload_habits::upload_habits(
    chunking allowed, std::uint64_t chunk_bytes, std::uint64_t chunk_bytes_max)
    : allowed_(allowed)
    , shape_(allowed == chunking::always ? upload_shape::chunked : upload_shape::streamed)
    , chunk_bytes_(chunk_bytes)
    , chunk_bytes_min_(std::min(chunk_bytes_, limits::chunk_bytes_min))
    , chunk_bytes_max_(std::max(chunk_bytes_, chunk_bytes_max)) {}

bool upload_habits::learn_bounds(
    std::optional<std::uint64_t> min, std::optional<std::uint64_t> max) {
    // A bound beyond what is held in memory cannot be kept; the registry will say so.
    const std::uint64_t least = std::min(min.value_or(0), chunk_bytes_max_);
    chunk_bytes_min_ = std::max(chunk_bytes_min_, least);
    chunk_bytes_ = std::max(chunk_bytes_, chunk_bytes_min_);
    if (!max || *max == 0)
        return false;
    chunk_bytes_ = std::clamp(*max, std::uint64_t{1}, chunk_bytes_);
    chunk_bytes_min_ = std::min(chunk_bytes_min_, chunk_bytes_);
    // Who says how large a chunk may be does not want all in one.
    if (allowed_ == chunking::automatic)
        shape_ = upload_shape::chunked;
    return allowed_ != chunking::never;
}

std::optional<upload_shape> upload_habits::after_refusal(
    int status, const std::vector<upload_shape>& tried, bool monolithic_possible) const {
    const auto may_try = [&](upload_shape shape) {
        if (shape == upload_shape::monolithic && !monolithic_possible)
            return false;
        if (shape == upload_shape::chunked && allowed_ == chunking::never)
            return false;
        return std::find(tried.begin(), tried.end(), shape) == tried.end();
    };
    const upload_shape refused = tried.back();
    const bool about_size = status == 413;
    const bool about_shape =
        status == 400 || status == 405 || status == 411 || status == 416 || status == 501;
    // Harbor 1.9 answers a PUT with a body with 500.
    const bool broken = status == 500 && refused == upload_shape::monolithic;
    if (about_size)
        return may_try(upload_shape::chunked) ? std::optional(upload_shape::chunked) : std::nullopt;
    if (!about_shape && !broken)
        return std::nullopt;
    for (const upload_shape next :
         {upload_shape::streamed, upload_shape::monolithic, upload_shape::chunked})
        if (may_try(next))
            return next;
    return std::nullopt;
}

bool upload_habits::shrink_chunks(std::uint64_t refused) noexcept {
    if (refused > chunk_bytes_)
        return true;
    if (chunk_bytes_ <= chunk_bytes_min_)
        return false;
    chunk_bytes_ = std::max(std::min(refused, chunk_bytes_) / 2, chunk_bytes_min_);
    return true;
}

std::optional<std::uint64_t> parse_range_end(std::string_view text) {
    std::string_view range = trim(text);
    for (const std::string_view unit : {"bytes=", "bytes "})
        if (range.starts_with(unit))
            range.remove_prefix(unit.size());
    if (!range.starts_with("0-"))
        return std::nullopt;
    range.remove_prefix(2);
    if (range == "-1")
        return 0;
    const auto last = parse_decimal(range);
    if (!last || *last >= (std::uint64_t{1} << 62))
        return std::nullopt;
    return *last == 0 ? 0 : *last + 1;
}

std::optional<std::uint64_t> parse_status_range(std::string_view text) {
    const auto bytes = parse_range_end(text);
    const bool counts = trim(text).starts_with("bytes=");
    return bytes && *bytes > 0 && counts ? *bytes - 1 : bytes;
}

} // namespace tarpon::registry
