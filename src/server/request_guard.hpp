// Which requests are answered at all: the rules against web pages that make the browser of their
// reader talk to this server. Pure.
//
// A page of another site could push through a browser that reaches this server, either as it is
// (CSRF) or after it made its own name resolve to our address (DNS rebinding). Programs that are no
// browsers send none of these headers but Host.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::server {

struct access_rules {
    /// Only loopback addresses are listened on, so clients must know us by a name of loopback.
    bool loopback_only = true;
    /// Further names (serve_options::hosts).
    std::vector<std::string> hosts = {};
    /// Beyond loopback, when `hosts` is empty: any name will do, since nobody gets anything without
    /// a login. Else only those, and addresses: no name can be made to resolve to an address.
    bool any_name = false;
    /// We speak TLS ourselves, so no page of ours came over plain HTTP.
    bool tls = false;
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

/// What a request is about, as far as permission goes.
enum class access_kind {
    open,     ///< for everybody: the page's own files, /healthz
    reading,  ///< pulls, lists, /info
    changing, ///< pushes, deletions; watching a push too, which takes one of few places
};
/// `path` without its query. What is not known to be open is not.
access_kind access_kind_of(std::string_view method, std::string_view path) noexcept;

/// "localhost", "x.localhost", 127.0.0.0/8, [::1]; with or without a port.
bool is_loopback_name(std::string_view host) noexcept;

} // namespace tarpon::server
