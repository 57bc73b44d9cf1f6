// Small text helpers: joining pieces, and making foreign text fit to be shown.
#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tarpon {

namespace detail {
inline void append_piece(std::string& out, std::string_view piece) {
    out.append(piece);
}
inline void append_piece(std::string& out, char piece) {
    out.push_back(piece);
}
template <std::integral Int>
requires(!std::same_as<Int, char> && !std::same_as<Int, bool>) void append_piece(
    std::string& out, Int piece) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, piece).ptr;
    out.append(digits, end);
}
} // namespace detail

/// The pieces (text, characters, integers) one after the other.
template <class... Pieces>
std::string concat(const Pieces&... pieces) {
    std::string out;
    (detail::append_piece(out, pieces), ...);
    return out;
}

/// Somebody else's words, safe in a terminal and a log: control characters become spaces, invalid
/// UTF-8 becomes '?', runs of blanks become one, and after `bytes_max` bytes it is cut with "…".
std::string foreign_text(std::string_view text, std::size_t bytes_max);
/// The same, cut at limits::foreign_text_bytes_max.
std::string foreign_text(std::string_view text);

/// Unchanged but for what is no UTF-8, and C1 controls: that becomes U+FFFD.
std::string valid_utf8(std::string_view text);

/// A whole decimal number, nothing else around it.
std::optional<std::uint64_t> parse_decimal(std::string_view digits) noexcept;

/// ASCII only; `boost::beast::iequals` reads past the end before Boost 1.88.
bool iequals(std::string_view left, std::string_view right) noexcept;
char ascii_lower(char c) noexcept;
std::string to_lower(std::string_view text);
/// Printable ASCII without blanks: what may stand in a header or a request line as it is.
bool is_visible_ascii(std::string_view text) noexcept;
std::string_view trim(std::string_view text) noexcept;

/// Lower-case.
std::string to_hex(std::span<const unsigned char> bytes);

/// "142 B", "3.1 MiB", "1.8 GiB": one decimal, powers of 1024.
std::string human_bytes(std::uint64_t bytes);

/// "1h12m", "11m5s", "4s".
std::string human_duration(std::chrono::seconds time);

/// "12,345".
std::string thousands(std::uint64_t number);

/// "fixtures (3)" style helper: "1 image", "3 images".
std::string counted(std::uint64_t count, std::string_view noun);

} // namespace tarpon
