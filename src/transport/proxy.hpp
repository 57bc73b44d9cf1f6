// Which proxy, if any, stands between us and an origin. Pure, given the environment.
#pragma once

#include "model/environment.hpp"
#include "transport/url.hpp"

#include <tarpon/error.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::transport {

struct proxy {
    origin at;                 ///< tls: the connection to the proxy itself is TLS
    std::string authorization; ///< value of Proxy-Authorization, or empty; a secret
};

class proxy_rules {
public:
    /// HTTP_PROXY, HTTPS_PROXY, NO_PROXY, ALL_PROXY; lower case wins. Errors: errc::usage (a proxy
    /// that is no http or https URL); the message holds no password.
    static result<proxy_rules> from_environment(const environment_lookup& lookup);

    /// Loopback never goes through a proxy. NO_PROXY: "*", names and their subdomains (with or
    /// without a leading dot), IP addresses, CIDR blocks, each with an optional port.
    const proxy* choose(const origin& to) const;

private:
    std::optional<proxy> http_;
    std::optional<proxy> https_;
    std::vector<std::string> exceptions_; ///< lower case
};

/// Is `host:port` covered by one entry of NO_PROXY?
bool no_proxy_matches(std::string_view entry, std::string_view host, std::uint16_t port);

} // namespace tarpon::transport
