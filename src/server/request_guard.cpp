// See request_guard.hpp.
#include "server/request_guard.hpp"

#include "model/text.hpp"
#include "transport/address_block.hpp"

#include <algorithm>

namespace tarpon::server {
namespace {

std::string_view without_port(std::string_view host) noexcept {
    if (host.starts_with('['))
        return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

/// 127.0.0.0/8 as browsers write it. "127.example.com" is a name somebody can own.
bool is_loopback_ipv4(std::string_view host) noexcept {
    const bool numeric = std::all_of(
        host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return numeric && host.starts_with("127.") && std::count(host.begin(), host.end(), '.') == 3;
}

/// IPv6 in brackets, or four numbers. Names of only digits and dots cannot be registered.
bool is_address(std::string_view host) noexcept {
    const std::string_view name = without_port(host);
    if (name.starts_with('[') && name.ends_with(']'))
        return transport::address_bytes::parse(name.substr(1, name.size() - 2)).has_value();
    return transport::address_bytes::parse(name).has_value();
}

bool is_one_of(const std::vector<std::string>& names, std::string_view host) noexcept {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return iequals(name, host) || iequals(name, without_port(host));
    });
}

bool is_our_name(const access_rules& rules, std::string_view host) noexcept {
    if (host.empty()) // HTTP/1.0, which no browser speaks
        return true;
    if (is_one_of(rules.hosts, host) || is_loopback_name(host))
        return true;
    if (rules.loopback_only)
        return false;
    return is_address(host) || (rules.any_name && rules.hosts.empty());
}

/// The page came from us, or from a proxy in front of us that is known by one of our names.
bool is_our_origin(const access_rules& rules, std::string_view origin, std::string_view host) {
    const std::size_t mark = origin.find("://");
    if (mark == origin.npos) // "null": a sandboxed or local page
        return false;
    const std::string_view scheme = origin.substr(0, mark);
    const std::string_view authority = origin.substr(mark + 3);
    if (scheme != "https" && (scheme != "http" || rules.tls))
        return false;
    return iequals(authority, host) || is_one_of(rules.hosts, authority);
}

} // namespace

bool is_loopback_name(std::string_view host) noexcept {
    const std::string_view name = without_port(host);
    constexpr std::string_view below = ".localhost";
    const bool ends =
        name.size() > below.size() && iequals(name.substr(name.size() - below.size()), below);
    return iequals(name, "localhost") || ends || name == "[::1]" || is_loopback_ipv4(name);
}

access_kind access_kind_of(std::string_view method, std::string_view path) noexcept {
    const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
    if (!reads || path.starts_with("/push"))
        return access_kind::changing;
    if (path == "/" || path == "/healthz" || path.starts_with("/page/"))
        return access_kind::open;
    return access_kind::reading;
}

std::optional<access_refusal> check_access(const access_rules& rules, const request_signs& signs) {
    if (!is_our_name(rules, signs.host))
        return access_refusal{
            421, "this server does not go by that name; --allow-host NAME makes it known"};
    if (!signs.changes_state)
        return std::nullopt;
    const bool ours =
        signs.fetch_site.empty() || signs.fetch_site == "same-origin" || signs.fetch_site == "none";
    const bool known = signs.origin.empty() || is_our_origin(rules, signs.origin, signs.host);
    if (!ours || !known)
        return access_refusal{403, "web pages of other sites may not do this"};
    return std::nullopt;
}

} // namespace tarpon::server
