// Networks as people write them: "10.0.0.0/8", "2001:db8::/32", or one address. Pure.
#pragma once

#include <tarpon/error.hpp>

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace tarpon::transport {

/// An IPv4 or IPv6 address; IPv4-mapped IPv6 (::ffff:a.b.c.d) is the IPv4 address.
struct address_bytes {
    std::array<unsigned char, 16> bytes{};
    int size = 0; ///< 4 or 16

    /// `text` is an IP literal without brackets; nullopt for everything else.
    static std::optional<address_bytes> parse(std::string_view text);
    /// Of 4 or 16 bytes in network order.
    static address_bytes of(std::span<const unsigned char> raw) noexcept;
};

struct address_block {
    address_bytes network;
    int bits = 0; ///< of the network; those behind them do not count

    /// ADDRESS or ADDRESS/BITS; nullopt for everything else.
    static std::optional<address_block> parse(std::string_view text);
    /// Blocks of one family hold no addresses of the other.
    bool contains(const address_bytes& address) const noexcept;
};

} // namespace tarpon::transport
