// See proxy.hpp.
#include "transport/proxy.hpp"

#include "model/base64.hpp"
#include "model/text.hpp"
#include "transport/address_block.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace tarpon::transport {
namespace {

namespace urls = boost::urls;

failure bad_proxy(const std::string& variable) {
    return {errc::usage, concat(variable, " is not an http or https URL")};
}

result<proxy> parse_proxy(const std::string& variable, std::string text) {
    if (text.find("://") == text.npos)
        text.insert(0, "http://");
    const auto view = urls::parse_uri(text);
    if (!view || view->host_address().empty())
        return bad_proxy(variable);
    const std::string scheme =
        to_lower(std::string_view(view->scheme().data(), view->scheme().size()));
    if (scheme != "http" && scheme != "https")
        return bad_proxy(variable);
    proxy found;
    found.at.tls = scheme == "https";
    found.at.host = to_lower(view->host_address());
    found.at.port = view->has_port() && view->port_number() != 0 ? view->port_number()
                    : found.at.tls                               ? std::uint16_t{443}
                                                                 : std::uint16_t{80};
    if (view->has_userinfo())
        found.authorization =
            concat("Basic ", base64_encode(concat(view->user(), ":", view->password())));
    return found;
}

result<std::optional<proxy>>
read_proxy(const environment_lookup& lookup, std::initializer_list<const char*> variables) {
    for (const char* variable : variables) {
        auto text = lookup(variable);
        if (!text)
            continue;
        if (text->empty())
            return std::optional<proxy>(); // set to nothing: no proxy
        auto found = parse_proxy(variable, std::move(*text));
        if (!found)
            return found.error();
        return std::optional<proxy>(std::move(*found));
    }
    return std::optional<proxy>();
}

bool in_block(std::string_view block, std::string_view host) {
    const auto network = address_block::parse(block);
    const auto address = address_bytes::parse(host);
    return network && address && network->contains(*address);
}

/// Takes ":port" off an entry; false if the entry is for another port.
bool take_port(std::string_view& entry, std::uint16_t port) {
    if (entry.starts_with('[')) {
        const std::size_t end = entry.find(']');
        const std::string_view rest =
            end == entry.npos ? std::string_view() : entry.substr(end + 1);
        entry = entry.substr(1, end == entry.npos ? entry.npos : end - 1);
        return rest.empty() || parse_decimal(rest.substr(1)) == port;
    }
    const std::size_t colon = entry.find(':');
    if (colon == entry.npos || entry.find(':', colon + 1) != entry.npos)
        return true; // no port, or a bare IPv6 address
    const auto stated = parse_decimal(entry.substr(colon + 1));
    entry = entry.substr(0, colon);
    return stated == port;
}

} // namespace

bool no_proxy_matches(std::string_view entry, std::string_view host, std::uint16_t port) {
    if (entry == "*")
        return true;
    if (entry.find('/') != entry.npos)
        return in_block(entry, host);
    if (!take_port(entry, port))
        return false;
    if (entry.starts_with("*."))
        entry.remove_prefix(1);
    if (entry.empty())
        return false;
    if (entry.starts_with('.'))
        return host.ends_with(entry) || host == entry.substr(1);
    return host == entry || host.ends_with(concat(".", entry));
}

result<proxy_rules> proxy_rules::from_environment(const environment_lookup& lookup) {
    proxy_rules rules;
    auto http = read_proxy(lookup, {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
    if (!http)
        return http.error();
    rules.http_ = std::move(*http);
    auto https = read_proxy(lookup, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
    if (!https)
        return https.error();
    rules.https_ = std::move(*https);
    auto exceptions = lookup("no_proxy");
    if (!exceptions)
        exceptions = lookup("NO_PROXY");
    std::string_view rest = exceptions ? std::string_view(*exceptions) : std::string_view();
    while (!rest.empty()) {
        const std::size_t comma = rest.find_first_of(", ");
        const std::string_view entry = trim(rest.substr(0, comma));
        rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        if (!entry.empty())
            rules.exceptions_.push_back(to_lower(entry));
    }
    return rules;
}

const proxy* proxy_rules::choose(const origin& to) const {
    const auto& candidate = to.tls ? https_ : http_;
    if (!candidate || to.is_loopback())
        return nullptr;
    for (const std::string& entry : exceptions_)
        if (no_proxy_matches(entry, to.host, to.port))
            return nullptr;
    return &*candidate;
}

} // namespace tarpon::transport
