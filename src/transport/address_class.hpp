// Is an address one that a stranger's URL must not lead us to? Pure.
//
// Registries answer with URLs: token realms, upload locations, redirects. One that points to this
// machine, to a cloud's metadata service or into a private network would make tarpon a tool against
// its own user (CVE-2020-15157 and its kin).
#pragma once

#include <string_view>

namespace tarpon::transport {

enum class address_kind {
    name,     ///< not an IP literal
    global,   ///< an address of the public Internet
    internal, ///< loopback, private, link-local, unspecified, multicast, reserved, or one of these
              ///< embedded in IPv6 (mapped, 6to4, NAT64)
};

/// `host` as in an origin: an IPv6 literal without its brackets.
/// Source: IANA special-purpose address registries (RFC 6890).
address_kind classify_host(std::string_view host) noexcept;

} // namespace tarpon::transport
