// See url.hpp.
#include "transport/url.hpp"

#include "model/text.hpp"
#include "transport/address_class.hpp"

#include <tarpon/limits.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>

namespace tarpon::transport {
namespace {

namespace urls = boost::urls;

constexpr std::uint16_t default_port(bool tls) {
    return tls ? 443 : 80;
}

failure bad(std::string_view why) {
    return {errc::registry_protocol, std::string(why)};
}

bool is_clean(std::string_view text) {
    return text.size() <= limits::location_bytes_max
           && std::all_of(text.begin(), text.end(), [](char c) {
                  return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
              });
}

/// A name or address as it can be looked up: escapes in a URL may hide a '/', '@' or ':' in it,
/// which would name another host wherever the URL is written out and read again.
bool is_plain_host(std::string_view host, bool ipv6) {
    return !host.empty() && std::all_of(host.begin(), host.end(), [ipv6](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
               || c == '~' || (ipv6 && c == ':');
    });
}

std::string as_text(urls::string_view view) {
    return {view.data(), view.size()};
}

result<url> from_view(const urls::url_view_base& view) {
    const std::string scheme = to_lower(as_text(view.scheme()));
    if (scheme != "http" && scheme != "https")
        return bad("a URL is neither http nor https");
    if (view.has_userinfo())
        return bad("a URL holds user information");
    url parsed;
    parsed.at.tls = scheme == "https";
    parsed.at.host = to_lower(view.host_address());
    if (!is_plain_host(parsed.at.host, view.host_type() == urls::host_type::ipv6))
        return bad("a URL has no host, or a malformed one");
    parsed.at.port = default_port(parsed.at.tls);
    if (view.has_port() && !view.port().empty()) {
        // Boost.URL's port_number() takes 65536 and more for another number.
        const auto port = parse_decimal(as_text(view.port()));
        if (!port || *port == 0 || *port > 65535)
            return bad("a URL has an impossible port");
        parsed.at.port = static_cast<std::uint16_t>(*port);
    }
    parsed.target = as_text(view.encoded_path());
    if (!parsed.target.starts_with('/'))
        parsed.target.insert(0, 1, '/');
    if (view.has_query())
        parsed.target += concat("?", as_text(view.encoded_query()));
    return parsed;
}

} // namespace

std::string origin::host_header() const {
    std::string text = host.find(':') == host.npos ? host : concat("[", host, "]");
    if (port != default_port(tls))
        text += concat(":", port);
    return text;
}

std::string origin::str() const {
    return concat(tls ? "https://" : "http://", host_header());
}

bool origin::is_loopback() const {
    if (host == "localhost" || host.ends_with(".localhost"))
        return true;
    boost::system::error_code ec;
    const auto address = boost::asio::ip::make_address(host, ec);
    return !ec && address.is_loopback();
}

bool origin::is_ip_literal() const {
    boost::system::error_code ec;
    boost::asio::ip::make_address(host, ec);
    return !ec;
}

std::string url::redacted() const {
    return at.str() + target.substr(0, target.find('?'));
}

url url::with_query(std::string_view name, std::string_view value) const {
    url longer = *this;
    longer.target +=
        concat(target.find('?') == target.npos ? '?' : '&', name, '=', percent_encode(value));
    return longer;
}

std::string percent_encode(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                                || (c >= '0' && c <= '9')
                                || std::string_view("-._~").find(c) != std::string_view::npos;
        if (unreserved) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', digits[byte >> 4], digits[byte & 15]};
        }
    }
    return out;
}

bool leads_inside(const origin& from, const origin& to) {
    if (to.host == from.host || (to.is_loopback() && from.is_loopback()))
        return false;
    return classify_host(to.host) == address_kind::internal;
}

result<origin> parse_host_port(std::string_view host_port, bool tls) {
    const auto parsed = parse_url(concat(tls ? "https://" : "http://", host_port, "/"));
    if (!parsed || parsed->target != "/" || host_port.find('#') != host_port.npos)
        return failure{errc::usage, concat("\"", foreign_text(host_port), "\" is not a host name")};
    return parsed->at;
}

result<url> parse_url(std::string_view text) {
    if (!is_clean(text))
        return bad("a URL holds blanks or control characters, or is too long");
    const auto view = urls::parse_uri(urls::string_view(text.data(), text.size()));
    if (!view)
        return bad("not a URL");
    return from_view(*view);
}

result<url> resolve_location(const url& base, std::string_view location) {
    if (location.empty() || !is_clean(location))
        return bad("a Location is empty, too long, or holds blanks or control characters");
    const auto reference =
        urls::parse_uri_reference(urls::string_view(location.data(), location.size()));
    if (!reference)
        return bad("a Location is not a URL");
    const std::string base_text = base.at.str() + base.target;
    const auto base_view = urls::parse_uri(urls::string_view(base_text));
    if (!base_view)
        return bad("a Location cannot be resolved");
    urls::url joined;
    if (!urls::resolve(*base_view, *reference, joined))
        return bad("a Location cannot be resolved");
    auto resolved = from_view(joined);
    if (!resolved)
        return resolved;
    // Behind a TLS proxy, servers derive "http" and lose the port (distribution #479).
    const bool downgraded = base.at.tls && !resolved->at.tls && resolved->at.host == base.at.host;
    if (downgraded && (resolved->at.port == 80 || resolved->at.port == base.at.port))
        resolved->at = base.at;
    return resolved;
}

} // namespace tarpon::transport
