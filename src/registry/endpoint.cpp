// See endpoint.hpp.
#include "registry/endpoint.hpp"

namespace tarpon::registry {

scheme_choice take_scheme(std::string_view& text) {
    const auto take = [&](std::string_view prefix) {
        if (!text.starts_with(prefix))
            return false;
        text.remove_prefix(prefix.size());
        return true;
    };
    if (take("http://"))
        return scheme_choice::http;
    if (take("https://"))
        return scheme_choice::https;
    take("docker://");
    return scheme_choice::by_host;
}

result<endpoint> find_endpoint(std::string_view host, scheme_choice scheme, bool plain_http) {
    const bool tls =
        scheme == scheme_choice::https || (scheme == scheme_choice::by_host && !plain_http);
    const std::string_view on_the_wire = host == "docker.io" ? "registry-1.docker.io" : host;
    const auto at = transport::parse_host_port(on_the_wire, tls);
    if (!at)
        return at.error();
    endpoint found{std::string(host), *at, false};
    found.may_fall_back_to_http = scheme == scheme_choice::by_host && tls && found.at.is_loopback();
    // "localhost:5000" without TLS keeps its port; "localhost" alone means port 80 then.
    return found;
}

} // namespace tarpon::registry
