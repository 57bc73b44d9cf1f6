// Hand-written scanners for the reference grammar (distribution/reference regexp.go).
#include "model/text.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <algorithm>

namespace tarpon {
namespace {

bool is_lower_alnum(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}

bool is_alnum(char c) noexcept {
    return is_lower_alnum(c) || is_upper(c);
}

/// Length of a separator at the start of `text`: ".", "_", "__" or any run of "-"; 0 if none.
std::size_t separator_length(std::string_view text) noexcept {
    if (text.empty())
        return 0;
    if (text[0] == '.')
        return 1;
    if (text[0] == '_')
        return text.size() > 1 && text[1] == '_' ? 2 : 1;
    return std::min(text.find_first_not_of('-'), text.size());
}

/// Where the first character stands that no repository path may have there; npos if all is well.
std::size_t bad_path_character(std::string_view path) noexcept {
    std::size_t at = 0;
    while (true) {
        if (at >= path.size() || !is_lower_alnum(path[at]))
            return at; // a component starts with a letter or digit
        while (at < path.size() && is_lower_alnum(path[at]))
            ++at;
        if (at == path.size())
            return std::string_view::npos;
        if (path[at] == '/') {
            ++at;
            continue;
        }
        const std::size_t separator = separator_length(path.substr(at));
        if (separator == 0)
            return at;
        at += separator;
    }
}

bool is_host_label(std::string_view label) noexcept {
    return !label.empty() && is_alnum(label.front()) && is_alnum(label.back())
           && std::all_of(
               label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_bracketed_ipv6(std::string_view host) noexcept {
    if (host.size() < 4 || host.front() != '[' || host.back() != ']')
        return false;
    host = host.substr(1, host.size() - 2);
    return host.find(':') != host.npos && std::all_of(host.begin(), host.end(), [](char c) {
               return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f') || c == ':'
                      || c == '.';
           });
}

bool is_host(std::string_view host) noexcept {
    if (is_bracketed_ipv6(host))
        return true;
    while (true) {
        const std::size_t dot = host.find('.');
        if (!is_host_label(host.substr(0, dot)))
            return false;
        if (dot == host.npos)
            return true;
        host.remove_prefix(dot + 1);
    }
}

/// Does the text before the first '/' name a host, or is it part of the path?
bool looks_like_host(std::string_view first) noexcept {
    return first == "localhost" || first.find_first_of(".:[") != first.npos
           || std::any_of(first.begin(), first.end(), is_upper);
}

failure bad(std::string_view whole, std::string_view why) {
    return {errc::usage, concat("\"", foreign_text(whole), "\" is not an image reference: ", why)};
}

/// Splits ":tag" off `rest`. A ':' after the last '/' starts a tag.
result<std::string> take_tag(std::string_view whole, std::string_view& rest) {
    const std::size_t colon = rest.rfind(':');
    const std::size_t slash = rest.rfind('/');
    if (colon == rest.npos || (slash != rest.npos && colon < slash))
        return std::string();
    const std::string_view tag = rest.substr(colon + 1);
    if (!is_tag(tag))
        return bad(whole, concat("\"", foreign_text(tag), "\" is not a tag"));
    rest = rest.substr(0, colon);
    return std::string(tag);
}

} // namespace

bool is_repository_path(std::string_view text) noexcept {
    return text.size() <= limits::repository_path_bytes_max
           && bad_path_character(text) == std::string_view::npos;
}

bool is_tag(std::string_view text) noexcept {
    if (text.empty() || text.size() > limits::tag_bytes_max || text[0] == '.' || text[0] == '-')
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_alnum(c) || c == '_' || c == '.' || c == '-';
    });
}

bool is_host_port(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos || text.ends_with(']'))
        return is_host(text);
    const auto port = parse_decimal(text.substr(colon + 1));
    return is_host(text.substr(0, colon)) && port && *port > 0 && *port <= 65535;
}

std::string explain_repository_path(std::string_view path) {
    if (path.empty())
        return "the repository name is empty";
    if (path.size() > limits::repository_path_bytes_max)
        return concat(
            "the repository name is longer than ", limits::repository_path_bytes_max, " bytes");
    const std::size_t at = bad_path_character(path);
    if (at == path.npos)
        return {};
    if (at >= path.size())
        return "the repository name ends with a separator";
    if (is_upper(path[at]))
        return concat("upper case '", path[at], "' at column ", at + 1, " of the repository name");
    if (path[at] == '/')
        return concat("an empty part before '/' at column ", at + 1, " of the repository name");
    return concat(
        "'", foreign_text(path.substr(at, 1)), "' at column ", at + 1, " of the repository name");
}

std::string with_library(std::string_view host, std::string_view path) {
    if (host == "docker.io" && path.find('/') == path.npos)
        return concat("library/", path);
    return std::string(path);
}

result<reference> reference::parse(std::string_view text) {
    reference parsed;
    std::string_view rest = text;
    if (const std::size_t at = rest.find('@'); at != rest.npos) {
        const auto pinned = digest::parse(rest.substr(at + 1));
        if (!pinned) // what stands before it may be a password
            return bad(
                concat("…", text.substr(text.rfind('@'))),
                "what follows '@' is not a sha256 or sha512 digest");
        parsed.digest = *pinned;
        rest = rest.substr(0, at);
    }
    auto tag = take_tag(text, rest);
    if (!tag)
        return tag.error();
    parsed.tag = std::move(*tag);
    const std::size_t slash = rest.find('/');
    if (slash != rest.npos && looks_like_host(rest.substr(0, slash))) {
        parsed.host = rest.substr(0, slash);
        rest = rest.substr(slash + 1);
        if (!is_host_port(parsed.host))
            return bad(text, concat("\"", foreign_text(parsed.host), "\" is not a host name"));
        if (parsed.host == "index.docker.io")
            parsed.host = "docker.io";
    }
    parsed.path = rest;
    if (const std::string why = explain_repository_path(parsed.path); !why.empty())
        return bad(text, why);
    if (is_sha256_hex(parsed.path) && parsed.host.empty() && parsed.tag.empty())
        return bad(text, "64 hex digits are an image ID, not a name");
    return parsed;
}

std::string reference::repository() const {
    return host.empty() ? path : concat(host, "/", path);
}

std::string reference::str() const {
    std::string text = repository();
    if (!tag.empty())
        text += concat(":", tag);
    if (!digest.empty())
        text += concat("@", digest.str());
    return text;
}

} // namespace tarpon
