// Which requests are answered at all: the rules against web pages that make the browser of their
// reader talk to this server. Pure.
//
// There are no passwords, so whoever can send a request may push. A page of another site could do
// that through a browser on this machine, either as it is (CSRF) or after it made its own name
// resolve to 127.0.0.1 (DNS rebinding). Programs that are no browsers send none of these headers
// but Host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::server {

struct access_rules {
    /// Only loopback addresses are listened on, so clients must know us by a name of loopback.
    bool loopback_only = true;
    /// Further names (serve_options::hosts). Given, and not loopback_only: no others.
    std::vector<std::string> hosts;
};

/// What is looked at of a request; empty where the header is absent.
struct request_signs {
    std::string_view host = {};
    std::string_view origin = {};
    std::string_view fetch_site = {};
    bool changes_state = false;
};

struct access_refusal {
    unsigned status = 403;
    std::string_view why; ///< a sentence for the client
};

/// nullopt: may pass. A Host that is none of ours: 421. State-changing requests that a browser
/// sends for another site (Sec-Fetch-Site, Origin): 403.
/// Source: Fetch Metadata (W3C); RFC 6454 section 7; RFC 9110 section 15.5.20.
std::optional<access_refusal> check_access(const access_rules& rules, const request_signs& signs);

/// "localhost", "x.localhost", 127.0.0.0/8, [::1]; with or without a port.
bool is_loopback_name(std::string_view host) noexcept;

} // namespace tarpon::server
