// See encoding.hpp.
#include "archive/encoding.hpp"

#include "archive/tar_header.hpp"
#include "model/text.hpp"

#include <algorithm>

namespace tarpon::archive {
namespace {

using namespace std::string_view_literals;

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool is_zstd(std::string_view text) noexcept {
    if (text.starts_with("\x28\xb5\x2f\xfd"sv))
        return true;
    // A skippable frame may come first (pzstd, zstd:chunked).
    return text.size() >= 4 && (static_cast<unsigned char>(text[0]) & 0xf0) == 0x50
           && text.substr(1, 3) == "\x2a\x4d\x18"sv;
}

} // namespace

encoding sniff_encoding(std::span<const std::byte> start) noexcept {
    const std::string_view text = as_text(start);
    if (text.starts_with("\x1f\x8b\x08"sv))
        return encoding::gzip;
    if (is_zstd(text))
        return encoding::zstd;
    if (text.starts_with("\xfd\x37zXZ\x00"sv))
        return encoding::xz;
    if (text.size() >= 4 && text.starts_with("BZh"sv) && text[3] >= '1' && text[3] <= '9')
        return encoding::bzip2;
    if (text.starts_with("\x04\x22\x4d\x18"sv))
        return encoding::lz4;
    if (text.starts_with("PK\x03\x04"sv))
        return encoding::zip;
    if (looks_like_tar(start))
        return encoding::tar;
    const std::size_t first = text.find_first_not_of(" \t\r\n"sv);
    if (first != text.npos && (text[first] == '{' || text[first] == '['))
        return encoding::json;
    return encoding::other;
}

std::string_view to_string(encoding value) noexcept {
    switch (value) {
    case encoding::tar:
        return "tar";
    case encoding::gzip:
        return "gzip";
    case encoding::zstd:
        return "zstd";
    case encoding::xz:
        return "xz";
    case encoding::bzip2:
        return "bzip2";
    case encoding::lz4:
        return "lz4";
    case encoding::zip:
        return "zip";
    case encoding::json:
        return "json";
    case encoding::other:
        return "other";
    }
    return "other";
}

std::string_view describe_other(std::span<const std::byte> start) noexcept {
    const std::string_view text = as_text(start);
    if (text.starts_with("\xff\xfe"sv))
        return "UTF-16 text (PowerShell's > damages archives; use docker save -o)";
    const std::size_t first = text.find_first_not_of(" \t\r\n"sv);
    const std::string_view begin = first == text.npos ? text : text.substr(first);
    if (iequals(begin.substr(0, 9), "<!doctype") || iequals(begin.substr(0, 5), "<html"))
        return "an HTML page";
    if (begin.starts_with('{') || begin.starts_with('['))
        return "JSON text";
    if (text.starts_with("\x7f"
                         "ELF"sv))
        return "a program (ELF)";
    const bool printable = std::all_of(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\n' || c == '\r'
               || c == '\t';
    });
    return printable ? "text" : "unknown data";
}

} // namespace tarpon::archive
