// Text helpers; see text.hpp.
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>
#include <cstdio>

namespace tarpon {
namespace {

bool is_control(unsigned char c) noexcept {
    return c < 0x20 || c == 0x7f;
}

/// Length of the valid UTF-8 sequence at `text[at]`, 0 if there is none. C1 controls count as none.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(text[i]);
    };
    const unsigned char lead = byte(at);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || at + length > text.size())
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(at + i) & 0xc0) != 0x80)
            return 0;
    if (length == 2 && lead == 0xc2 && byte(at + 1) < 0xa0)
        return 0; // C1 control
    if (length == 3 && lead == 0xe0 && byte(at + 1) < 0xa0)
        return 0; // overlong
    if (length == 3 && lead == 0xed && byte(at + 1) >= 0xa0)
        return 0; // surrogate
    if (length == 4 && lead == 0xf0 && byte(at + 1) < 0x90)
        return 0; // overlong
    if (length == 4 && lead == 0xf4 && byte(at + 1) >= 0x90)
        return 0; // beyond U+10FFFF
    return length;
}

} // namespace

std::string foreign_text(std::string_view text, std::size_t bytes_max) {
    std::string out;
    bool blank = false;
    for (std::size_t at = 0; at < text.size();) {
        const unsigned char c = static_cast<unsigned char>(text[at]);
        const std::size_t length = utf8_length(text, at);
        const std::string_view piece = length == 0 ? "?" : text.substr(at, length);
        at += std::max<std::size_t>(length, 1);
        if (is_control(c) || c == ' ') {
            blank = !out.empty();
            continue;
        }
        if (out.size() + piece.size() + (blank ? 1 : 0) > bytes_max)
            return out + "…";
        if (blank)
            out.push_back(' ');
        blank = false;
        out.append(piece);
    }
    return out;
}

std::string foreign_text(std::string_view text) {
    return foreign_text(text, limits::foreign_text_bytes_max);
}

std::string valid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text, at);
        out.append(length == 0 ? std::string_view("\ufffd") : text.substr(at, length));
        at += std::max<std::size_t>(length, 1);
    }
    return out;
}

std::optional<std::uint64_t> parse_decimal(std::string_view digits) noexcept {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (ec != std::errc() || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool iequals(std::string_view left, std::string_view right) noexcept {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
        return ascii_lower(a) == ascii_lower(b);
    });
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), ascii_lower);
    return out;
}

bool is_visible_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) {
        return c == ' ' || c == '\t';
    };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string to_hex(std::span<const unsigned char> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        text.push_back(digits[byte >> 4]);
        text.push_back(digits[byte & 15]);
    }
    return text;
}

std::string human_bytes(std::uint64_t bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024)
        return concat(bytes, " B");
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, "%.1f %s", value, units[unit]);
    return text;
}

std::string human_duration(std::chrono::seconds time) {
    const auto total = time.count();
    if (total >= 3600)
        return concat(total / 3600, "h", total / 60 % 60, "m");
    if (total >= 60)
        return concat(total / 60, "m", total % 60, "s");
    return concat(std::max<long>(0, total), "s");
}

std::string thousands(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return concat(count, ' ', noun, count == 1 ? "" : "s");
}

} // namespace tarpon
