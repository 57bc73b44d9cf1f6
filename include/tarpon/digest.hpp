// A content digest, "sha256:<64 hex>" or "sha512:<128 hex>".
//
// A value of this type went through the grammar, so it is safe in a URL, a path or a log line.
#pragma once

#include <tarpon/error.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tarpon {

class digest {
public:
    enum class algorithm { sha256, sha512 };

    /// An empty digest: "not known yet". `empty()` is true and nothing else may be asked of it.
    digest() = default;

    /// Errors: errc::archive_metadata when the text is not a registered digest in lower-case hex.
    /// Source: image-spec descriptor.md "Digests".
    static result<digest> parse(std::string_view text);
    static digest from_sha256(std::span<const unsigned char, 32> bytes);
    static digest from_sha512(std::span<const unsigned char, 64> bytes);

    bool empty() const noexcept { return text_.empty(); }
    algorithm algo() const noexcept;
    std::string_view algo_name() const noexcept;
    std::string_view hex() const noexcept;
    const std::string& str() const noexcept { return text_; }
    /// The first 12 hex digits, for people.
    std::string_view brief() const noexcept;

    friend bool operator==(const digest&, const digest&) = default;
    friend auto operator<=>(const digest&, const digest&) = default;

private:
    explicit digest(std::string text)
        : text_(std::move(text)) {}
    std::string text_;
};

/// 64 lower-case hex digits?
bool is_sha256_hex(std::string_view text) noexcept;

} // namespace tarpon

template <>
struct std::hash<tarpon::digest> {
    std::size_t operator()(const tarpon::digest& value) const noexcept {
        return std::hash<std::string>{}(value.str());
    }
};
