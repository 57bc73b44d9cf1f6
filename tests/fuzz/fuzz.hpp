// What all fuzz targets share: a check that ends the run, and choices taken from the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace tarpon::fuzz {

/// An invariant: libFuzzer keeps the input that breaks it.
inline void check(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "broken invariant: %s\n", what);
    std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

/// Sizes of pieces to cut a stream into, repeatable from a seed; many small ones, some large.
class piece_sizes {
public:
    explicit piece_sizes(std::uint64_t seed)
        : state_(seed * 2 + 1) {}

    std::size_t next() {
        state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
        const auto shift = static_cast<unsigned>(state_ >> 60);
        return 1 + static_cast<std::size_t>((state_ >> 30) & ((1u << shift) - 1));
    }

private:
    std::uint64_t state_;
};

/// No byte that could end a header line or steer a terminal.
inline bool is_free_of_controls(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return false;
    return true;
}

} // namespace tarpon::fuzz
