// See push_request.hpp.
#include "server/push_request.hpp"

#include "model/text.hpp"
#include "server/route.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <algorithm>

namespace tarpon::server {
namespace {

using query_list = std::vector<std::pair<std::string, std::string>>;

failure usage(std::string message) {
    return {errc::usage, std::move(message)};
}

result<query_list> query_of(std::string_view target) {
    query_list query;
    const std::size_t mark = target.find('?');
    const auto text = mark == target.npos ? std::string_view() : target.substr(mark + 1);
    for (const auto& [key, value] : query_pairs(text)) {
        if (!key || !value)
            return usage("the query is malformed");
        if (!key->empty())
            query.emplace_back(*key, *value);
    }
    return query;
}

constexpr const char* bad_id = "id must be 8 to 64 letters, digits, - and _";

bool is_id(std::string_view text) noexcept {
    return text.size() >= 8 && text.size() <= 64
           && std::all_of(text.begin(), text.end(), [](char c) {
                  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                         || c == '-' || c == '_';
              });
}

/// Why `text` is no name below our target; empty if it is one.
std::string explain_name(std::string_view text) {
    const auto name = reference::parse(text);
    if (!name)
        return name.error().message;
    if (!name->host.empty())
        return concat(
            "\"", foreign_text(name->host, 80), "\" is a host, and hosts are not chosen here");
    if (!name->digest.empty())
        return "a digest cannot be chosen, only a name and a tag";
    return {};
}

result<void> take_to(const std::string& value, push_request& request) {
    const std::size_t equals = value.rfind('=');
    const std::string name = equals == value.npos ? value : value.substr(equals + 1);
    if (const std::string why = explain_name(name); !why.empty())
        return usage(concat("to=", foreign_text(name, 200), ": ", why));
    destination& where = request.where;
    if (equals == value.npos)
        where.to.push_back(name);
    else
        where.placements.push_back({value.substr(0, equals), name});
    if (where.to.size() + where.placements.size() > limits::push_names_max)
        return usage(concat("more than ", limits::push_names_max, " names"));
    return {};
}

result<void> take(const std::string& key, const std::string& value, push_request& request) {
    if (key == "to")
        return take_to(value, request);
    if (key == "image") {
        request.where.image = value;
        return {};
    }
    if (key == "id" && is_id(value)) {
        request.id = value;
        return {};
    }
    return usage(
        key == "id" ? bad_id : concat("\"", foreign_text(key, 40), "\" is no parameter of /push"));
}

} // namespace

result<push_request> parse_push_request(std::string_view target, const std::string& registry) {
    const auto query = query_of(target);
    if (!query)
        return query.error();
    push_request request;
    for (const auto& [key, value] : *query)
        if (const auto taken = take(key, value, request); !taken)
            return taken.error();
    destination& where = request.where;
    if (!where.placements.empty() && (!where.to.empty() || !where.image.empty()))
        return usage("give the image in every to=IMAGE=NAME:TAG, or in none");
    if (where.to.empty()) {
        where.registry = registry;
        return request;
    }
    for (std::string& name : where.to)
        name = concat(registry, registry.ends_with('/') ? "" : "/", name);
    return request;
}

result<std::string> parse_watch_request(std::string_view target) {
    const auto query = query_of(target);
    if (!query)
        return query.error();
    for (const auto& [key, value] : *query)
        if (key == "id" && is_id(value))
            return value;
    return usage(bad_id);
}

unsigned status_of(const error& what) noexcept {
    switch (class_of(what.code())) {
    case error_class::usage:
        return 400;
    case error_class::archive:
        return 422;
    case error_class::auth:
    case error_class::registry:
        return 502;
    case error_class::network:
        return what.code() == errc::transport_timeout ? 504 : 502;
    case error_class::interrupted:
        return 503;
    case error_class::internal:
        break;
    }
    return 500;
}

} // namespace tarpon::server
