// See login_headers.hpp.
#include "server/login_headers.hpp"

#include "model/base64.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <algorithm>

namespace tarpon::server {

std::optional<given_login> basic_login(std::string_view authorization) {
    const std::size_t blank = authorization.find(' ');
    if (blank == authorization.npos || !iequals(authorization.substr(0, blank), "Basic"))
        return std::nullopt;
    const std::string_view text = trim(authorization.substr(blank));
    // Three bytes in four; longer than both may be.
    if (text.size() > 2 * (limits::user_name_bytes_max + limits::password_bytes_max))
        return std::nullopt;
    const auto plain = base64_decode(text);
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return std::nullopt;
    given_login given{plain->substr(0, colon), plain->substr(colon + 1)};
    if (!is_possible(given))
        return std::nullopt;
    return given;
}

bool is_possible(const given_login& given) noexcept {
    const auto& [name, password] = given;
    const bool printable = std::none_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ':';
    });
    return printable && !name.empty() && name.size() <= limits::user_name_bytes_max
           && password.size() <= limits::password_bytes_max && password.find('\0') == password.npos;
}

std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name) {
    std::optional<std::string_view> found;
    while (!cookies.empty()) {
        const std::size_t end = std::min(cookies.find(';'), cookies.size());
        const std::string_view one = trim(cookies.substr(0, end));
        cookies.remove_prefix(std::min(end + 1, cookies.size()));
        const std::size_t equals = one.find('=');
        if (equals == one.npos || one.substr(0, equals) != name)
            continue;
        if (found)
            return std::nullopt;
        found = one.substr(equals + 1);
    }
    return found;
}

void ask_for_login(server_response& response) {
    response.with("WWW-Authenticate", "Basic realm=\"tarpon\", charset=\"UTF-8\"");
}

} // namespace tarpon::server
