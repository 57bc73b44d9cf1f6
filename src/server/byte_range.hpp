// The Range header of a request for a blob: which bytes are asked for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tarpon::server {

enum class range_kind {
    whole,         ///< none, not in bytes, malformed, or several: the whole content is the answer
    part,          ///< 206
    unsatisfiable, ///< 416
};

struct byte_range {
    range_kind kind = range_kind::whole;
    std::uint64_t first = 0;
    std::uint64_t bytes = 0; ///< of a part: at least one
};

/// `size` is that of the content; `if_range` may be empty, `entity_tag` is the content's own.
/// Source: RFC 9110 sections 13.1.5, 14.1.2, 14.2; distribution-spec v1.1 "Pulling blobs".
byte_range choose_range(
    std::string_view range,
    std::string_view if_range,
    std::string_view entity_tag,
    std::uint64_t size) noexcept;

/// Is `entity_tag` in an If-None-Match header? Source: RFC 9110 section 13.1.2.
bool matches_any(std::string_view if_none_match, std::string_view entity_tag) noexcept;

} // namespace tarpon::server
