// The digest grammar. Nothing else in the program looks at the text of a digest.
#include "model/text.hpp"

#include <tarpon/digest.hpp>

#include <algorithm>

namespace tarpon {
namespace {

bool is_lower_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

constexpr std::string_view sha256_prefix = "sha256:";
constexpr std::string_view sha512_prefix = "sha512:";

} // namespace

result<digest> digest::parse(std::string_view text) {
    const bool sha256 = text.starts_with(sha256_prefix) && text.size() == 7 + 64;
    const bool sha512 = text.starts_with(sha512_prefix) && text.size() == 7 + 128;
    if ((!sha256 && !sha512) || !is_lower_hex(text.substr(7)))
        return failure{errc::archive_metadata, "not a sha256 or sha512 digest"};
    return digest(std::string(text));
}

digest digest::from_sha256(std::span<const unsigned char, 32> bytes) {
    return digest(concat(sha256_prefix, to_hex(bytes)));
}

digest digest::from_sha512(std::span<const unsigned char, 64> bytes) {
    return digest(concat(sha512_prefix, to_hex(bytes)));
}

digest::algorithm digest::algo() const noexcept {
    return text_.starts_with(sha512_prefix) ? algorithm::sha512 : algorithm::sha256;
}

std::string_view digest::algo_name() const noexcept {
    return std::string_view(text_).substr(0, 6);
}

std::string_view digest::hex() const noexcept {
    return empty() ? std::string_view() : std::string_view(text_).substr(7);
}

std::string_view digest::brief() const noexcept {
    return hex().substr(0, 12);
}

bool is_sha256_hex(std::string_view text) noexcept {
    return text.size() == 64 && is_lower_hex(text);
}

} // namespace tarpon
