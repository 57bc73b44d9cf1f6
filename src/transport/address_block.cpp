// See address_block.hpp.
#include "transport/address_block.hpp"

#include "model/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace tarpon::transport {
namespace {

constexpr int mapped_bits = 96; // of ::ffff:0:0/96

bool is_mapped(const address_bytes& address) noexcept {
    static constexpr unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return address.size == 16 && std::equal(prefix, prefix + 12, address.bytes.begin());
}

address_bytes unmapped(const address_bytes& address) noexcept {
    if (!is_mapped(address))
        return address;
    address_bytes four;
    four.size = 4;
    std::copy_n(address.bytes.begin() + 12, 4, four.bytes.begin());
    return four;
}

std::optional<address_bytes> parse_as_written(std::string_view text) {
    address_bytes parsed;
    const std::string copy(text);
    if (copy.find('\0') != copy.npos)
        return std::nullopt;
    if (inet_pton(AF_INET, copy.c_str(), parsed.bytes.data()) == 1)
        parsed.size = 4;
    else if (inet_pton(AF_INET6, copy.c_str(), parsed.bytes.data()) == 1)
        parsed.size = 16;
    else
        return std::nullopt;
    return parsed;
}

} // namespace

std::optional<address_bytes> address_bytes::parse(std::string_view text) {
    const auto written = parse_as_written(text);
    return written ? std::optional(unmapped(*written)) : std::nullopt;
}

address_bytes address_bytes::of(std::span<const unsigned char> raw) noexcept {
    address_bytes made;
    made.size = raw.size() == 4 ? 4 : 16;
    std::copy_n(raw.begin(), std::min<std::size_t>(raw.size(), 16), made.bytes.begin());
    return unmapped(made);
}

std::optional<address_block> address_block::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto network = parse_as_written(text.substr(0, slash));
    if (!network)
        return std::nullopt;
    const auto most = static_cast<std::uint64_t>(network->size) * 8;
    const auto bits =
        slash == text.npos ? std::optional(most) : parse_decimal(text.substr(slash + 1));
    if (!bits || *bits > most)
        return std::nullopt;
    address_block block{*network, static_cast<int>(*bits)};
    if (is_mapped(block.network) && block.bits >= mapped_bits)
        block = {unmapped(block.network), block.bits - mapped_bits};
    return block;
}

bool address_block::contains(const address_bytes& address) const noexcept {
    if (address.size != network.size)
        return false;
    for (std::size_t bit = 0; bit < static_cast<std::size_t>(bits); ++bit) {
        const unsigned mask = 0x80u >> (bit % 8);
        if ((network.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask))
            return false;
    }
    return true;
}

} // namespace tarpon::transport
