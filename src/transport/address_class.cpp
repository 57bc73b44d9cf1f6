// See address_class.hpp.
#include "transport/address_class.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace tarpon::transport {
namespace {

struct block4 {
    std::uint32_t network;
    int bits;
};

constexpr std::uint32_t ip4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24 | b << 16 | c << 8 | d;
}

constexpr block4 internal4[] = {
    {ip4(0, 0, 0, 0), 8},     {ip4(10, 0, 0, 0), 8},      {ip4(100, 64, 0, 0), 10},
    {ip4(127, 0, 0, 0), 8},   {ip4(169, 254, 0, 0), 16},  {ip4(172, 16, 0, 0), 12},
    {ip4(192, 0, 0, 0), 24},  {ip4(192, 0, 2, 0), 24},    {ip4(192, 168, 0, 0), 16},
    {ip4(198, 18, 0, 0), 15}, {ip4(198, 51, 100, 0), 24}, {ip4(203, 0, 113, 0), 24},
    {ip4(224, 0, 0, 0), 4},   {ip4(240, 0, 0, 0), 4},
};

bool is_internal4(std::uint32_t address) noexcept {
    for (const block4& block : internal4)
        if ((address ^ block.network) >> (32 - block.bits) == 0)
            return true;
    return false;
}

std::uint32_t embedded4(std::span<const unsigned char> bytes) noexcept {
    return ip4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

using ip6 = std::array<unsigned char, 16>;

bool starts_with(const ip6& address, std::initializer_list<unsigned char> prefix) noexcept {
    return std::memcmp(address.data(), prefix.begin(), prefix.size()) == 0;
}

bool is_internal6(const ip6& address) noexcept {
    const auto bytes = std::span<const unsigned char>(address);
    // ::, ::1, IPv4-compatible; ::ffff:a.b.c.d; 64:ff9b::a.b.c.d; 2002:abcd::
    if (starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
        return true;
    if (starts_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})
        || starts_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
        return is_internal4(embedded4(bytes.subspan(12)));
    if (starts_with(address, {0x20, 0x02}))
        return is_internal4(embedded4(bytes.subspan(2)));
    const bool unique_local = (address[0] & 0xfe) == 0xfc;
    const bool link_or_site_local = address[0] == 0xfe && (address[1] & 0x80) == 0x80;
    const bool multicast = address[0] == 0xff;
    const bool documentation = starts_with(address, {0x20, 0x01, 0x0d, 0xb8});
    return unique_local || link_or_site_local || multicast || documentation;
}

} // namespace

address_kind classify_host(std::string_view host) noexcept {
    std::array<char, 64> text{};
    if (host.size() >= text.size())
        return address_kind::name;
    std::memcpy(text.data(), host.data(), host.size());
    std::uint32_t four = 0;
    if (inet_pton(AF_INET, text.data(), &four) == 1)
        return is_internal4(ntohl(four)) ? address_kind::internal : address_kind::global;
    ip6 six{};
    if (inet_pton(AF_INET6, text.data(), six.data()) == 1)
        return is_internal6(six) ? address_kind::internal : address_kind::global;
    if (host == "localhost" || host.ends_with(".localhost"))
        return address_kind::internal;
    // "127.1", "0x7f000001", "2130706433": names to us, addresses to some resolvers.
    const bool looks_numeric = !host.empty()
                               && host.find_first_not_of("0123456789abcdefABCDEFxX.") == host.npos
                               && host.back() >= '0' && host.back() <= '9';
    return looks_numeric ? address_kind::internal : address_kind::name;
}

} // namespace tarpon::transport
