// See cookie_jar.hpp. Sections are those of RFC 6265.
#include "registry/cookie_jar.hpp"

#include "model/text.hpp"

namespace tarpon::registry {
namespace {

std::string_view path_of(const transport::url& at) {
    const std::string_view target = at.target;
    return target.substr(0, target.find('?'));
}

/// 5.1.4: the folder of the request.
std::string_view default_path(const transport::url& asked) {
    const std::string_view path = path_of(asked);
    const std::size_t slash = path.rfind('/');
    return slash == path.npos || slash == 0 ? std::string_view("/") : path.substr(0, slash);
}

/// 5.1.4: is a request for `path` below that of a cookie?
bool is_below(std::string_view path, std::string_view of_cookie) {
    if (!path.starts_with(of_cookie))
        return false;
    return path.size() == of_cookie.size() || of_cookie.ends_with('/')
           || path[of_cookie.size()] == '/';
}

struct attributes {
    std::string path;
    bool secure = false;
    bool gone = false; ///< the server takes the cookie back
};

attributes read_attributes(std::string_view rest) {
    attributes found;
    while (!rest.empty()) {
        const std::size_t end = rest.find(';');
        const std::string_view one = rest.substr(0, end);
        rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
        const std::size_t equals = one.find('=');
        const std::string_view name = trim(one.substr(0, equals));
        const std::string_view value =
            equals == one.npos ? std::string_view() : trim(one.substr(equals + 1));
        if (iequals(name, "path") && value.starts_with('/') && is_visible_ascii(value))
            found.path = value;
        if (iequals(name, "secure"))
            found.secure = true;
        if (iequals(name, "max-age") && (value == "0" || value.starts_with('-')))
            found.gone = true;
    }
    return found;
}

} // namespace

void cookie_jar::set_origin(transport::origin at) {
    if (at == origin_)
        return;
    origin_ = std::move(at);
    cookies_.clear();
}

void cookie_jar::take(const transport::http_response& response, const transport::url& asked) {
    if (asked.at != origin_)
        return;
    for (const auto& [name, value] : response.headers)
        if (iequals(name, "Set-Cookie") && value.size() <= limits::cookie_bytes_max)
            keep(value, default_path(asked));
    shrink();
}

void cookie_jar::keep(std::string_view set_cookie, std::string_view path) {
    const std::size_t end = set_cookie.find(';');
    const std::string_view pair = set_cookie.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos)
        return;
    const std::string_view name = trim(pair.substr(0, equals));
    const std::string_view value = trim(pair.substr(equals + 1));
    if (name.empty() || !is_visible_ascii(name) || !is_visible_ascii(value))
        return;
    attributes with =
        read_attributes(end == set_cookie.npos ? std::string_view() : set_cookie.substr(end + 1));
    if (with.secure && !origin_.tls)
        return;
    if (with.path.empty())
        with.path = path;
    std::erase_if(
        cookies_, [&](const cookie& one) { return one.name == name && one.path == with.path; });
    if (!with.gone)
        cookies_.push_back({std::string(name), std::string(value), std::move(with.path)});
}

void cookie_jar::shrink() {
    const auto bytes = [this] {
        std::size_t sum = 0;
        for (const cookie& one : cookies_)
            sum += one.name.size() + one.value.size() + 3; // "=", "; "
        return sum;
    };
    while (cookies_.size() > limits::cookies_max || bytes() > limits::cookies_bytes_max)
        cookies_.erase(cookies_.begin());
}

void cookie_jar::add_to(transport::http_request& request) const {
    if (request.to.at != origin_)
        return;
    std::string all;
    for (const cookie& one : cookies_)
        if (is_below(path_of(request.to), one.path))
            all += concat(all.empty() ? "" : "; ", one.name, "=", one.value);
    if (!all.empty())
        request.headers.emplace_back("Cookie", std::move(all));
}

} // namespace tarpon::registry
