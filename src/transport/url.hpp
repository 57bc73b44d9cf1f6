// URLs and origins: where a request goes, and whether two places are one.
//
// Pure. Boost.URL parses; here are the rules on top: http and https only, no userinfo, no
// control characters, bounded, and one definition of "the same origin".
#pragma once

#include <tarpon/error.hpp>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tarpon::transport {

/// Scheme, host and port: the only thing credentials are ever bound to.
struct origin {
    bool tls = true;
    std::string host; ///< lower case; an IPv6 literal without its brackets
    std::uint16_t port = 443;

    /// For the Host header: brackets around IPv6, the port unless it is the scheme's default.
    std::string host_header() const;
    /// "https://host:port", for people.
    std::string str() const;
    bool is_loopback() const;
    bool is_ip_literal() const;

    friend auto operator<=>(const origin&, const origin&) = default;
};

struct url {
    origin at;
    std::string target; ///< path and query, as sent in the request line

    /// Without the query, which may hold signatures: for messages and logs.
    std::string redacted() const;
    /// All of it. The query may carry a secret: not for logs.
    std::string whole() const { return at.str() + target; }
    /// Adds "name=value" to the query; the value is percent-encoded.
    url with_query(std::string_view name, std::string_view value) const;
};

/// HOST[:PORT] as in image references -> origin of the given scheme.
result<origin> parse_host_port(std::string_view host_port, bool tls);

/// An absolute http or https URL. Errors: errc::registry_protocol.
result<url> parse_url(std::string_view text);

/// A Location header, absolute or relative, against the URL of the request it answered. Keeps
/// https when a server behind a TLS proxy says http about its own host.
/// Errors: errc::registry_protocol (not a URL, over limits::location_bytes_max, userinfo).
result<url> resolve_location(const url& base, std::string_view location);

/// Would a server at `from` lead us into somebody's network, or to a cloud's metadata service: to
/// an IP literal that is not of the public Internet? Its own host is no such place, and neither is
/// this machine for a server on it.
bool leads_inside(const origin& from, const origin& to);

/// Percent-encodes everything but unreserved characters.
std::string percent_encode(std::string_view text);

} // namespace tarpon::transport
