// See route.hpp. A repository name may hold "blobs" or "manifests" as a part, so paths are read
// from their end.
#include "server/route.hpp"

#include <tarpon/reference.hpp>

#include <algorithm>

namespace tarpon::server {
namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::map<std::string, std::string> parse_query(std::string_view text) {
    std::map<std::string, std::string> query;
    for (const auto& [key, value] : query_pairs(text))
        if (key && value)
            query.emplace(*key, *value);
    return query;
}

bool is_upload_id(std::string_view text) noexcept {
    return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

/// A proxy that guards "/v2/team/" would not see one in "/v2/team%2Fapp/".
bool has_escaped_slash(std::string_view path) noexcept {
    for (std::size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 1)) {
        const std::string_view code = path.substr(at + 1, 2);
        if (code == "2f" || code == "2F")
            return true;
    }
    return false;
}

/// Splits `path` at its last "/<word>/"; false if there is none.
bool split_at(
    std::string_view path,
    std::string_view word,
    std::string_view& before,
    std::string_view& after) {
    const std::size_t last = path.rfind('/');
    if (last == path.npos)
        return false;
    const std::string_view head = path.substr(0, last);
    if (!head.ends_with(word) || head.size() <= word.size()
        || head[head.size() - word.size() - 1] != '/')
        return false;
    before = head.substr(0, head.size() - word.size() - 1);
    after = path.substr(last + 1);
    return true;
}

void match(std::string_view path, route& found) {
    std::string_view name, rest;
    if (split_at(path, "blobs/uploads", name, rest)) {
        found.resource = rest.empty()         ? resource::uploads
                         : is_upload_id(rest) ? resource::upload
                                              : resource::unknown;
    } else if (path.ends_with("/blobs/uploads")) {
        name = path.substr(0, path.size() - 14);
        found.resource = resource::uploads;
    } else if (split_at(path, "blobs", name, rest)) {
        const auto content = digest::parse(rest);
        found.resource = content ? resource::blob : resource::bad_digest;
        found.digest = content ? *content : digest();
    } else if (split_at(path, "manifests", name, rest)) {
        const auto content = digest::parse(rest);
        found.digest = content ? *content : digest();
        found.resource = content || is_tag(rest) ? resource::manifest : resource::bad_reference;
    } else if (split_at(path, "referrers", name, rest)) {
        const auto subject = digest::parse(rest);
        found.resource = subject ? resource::referrers : resource::bad_digest;
        found.digest = subject ? *subject : digest();
    } else if (path.ends_with("/tags/list")) {
        name = path.substr(0, path.size() - 10);
        found.resource = resource::tags;
    } else {
        return;
    }
    found.name = name;
    found.reference = rest;
    if (!is_repository_path(name))
        found.resource = resource::bad_name;
}

} // namespace

std::vector<query_pair> query_pairs(std::string_view text) {
    std::vector<query_pair> pairs;
    while (!text.empty()) {
        const std::size_t amp = text.find('&');
        const std::string_view pair = text.substr(0, amp);
        text = amp == text.npos ? std::string_view() : text.substr(amp + 1);
        const std::size_t equals = pair.find('=');
        const auto value = equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
        pairs.push_back({percent_decode(pair.substr(0, equals)), percent_decode(value)});
    }
    return pairs;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        if (i + 2 >= text.size())
            return std::nullopt;
        const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
        const int value = high * 16 + low;
        if (high < 0 || low < 0 || value < 0x20 || value == 0x7f)
            return std::nullopt;
        out.push_back(static_cast<char>(value));
        i += 2;
    }
    return out;
}

const std::string* route::query_value(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? nullptr : &found->second;
}

route find_route(std::string_view target) {
    route found;
    const std::size_t mark = target.find('?');
    if (mark != target.npos)
        found.query = parse_query(target.substr(mark + 1));
    const std::string_view raw = target.substr(0, mark);
    const auto path = percent_decode(raw);
    if (!path || !path->starts_with("/v2"))
        return found;
    if (has_escaped_slash(raw)) {
        found.resource = resource::bad_name;
        found.name = raw.substr(std::min<std::size_t>(raw.size(), 4));
        return found;
    }
    const std::string_view rest = std::string_view(*path).substr(3);
    if (rest.empty() || rest == "/")
        found.resource = resource::api;
    else if (rest == "/_catalog")
        found.resource = resource::catalog;
    else if (rest.starts_with('/'))
        match(rest.substr(1), found);
    return found;
}

} // namespace tarpon::server
