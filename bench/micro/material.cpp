// See material.hpp.
#include "micro/material.hpp"

#include <cstdint>
#include <cstring>
#include <iterator>

namespace tarpon::bench {
namespace {

/// xorshift64: fast, and the same everywhere.
class generator {
public:
    std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }

private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

} // namespace

std::string text(std::size_t bytes) {
    static constexpr const char* words[] = {
        "return ", "const ", "std::string ", "value",      "(",
        ")",       ";\n",    "    ",         "if (",       "layer",
        "digest",  "== ",    "0x",           "{\n",        "}\n",
        "size_t ", "for (",  "auto ",        "namespace ", "// the reason is ",
        "error"};
    generator random;
    std::string out;
    while (out.size() < bytes) {
        out += words[random.next() % std::size(words)];
        if (random.next() % 4 == 0)
            out += std::to_string(random.next() % 10'000);
    }
    out.resize(bytes);
    return out;
}

std::string noise(std::size_t bytes) {
    generator random;
    std::string out(bytes, '\0');
    for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
        const std::uint64_t word = random.next();
        std::memcpy(out.data() + at, &word, 8);
    }
    return out;
}

} // namespace tarpon::bench
