// See token_request.hpp. Source: docker token authentication specification; RFC 6749 section 6.
#include "auth/token_request.hpp"

#include "model/base64.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"
#include "transport/address_class.hpp"

#include <tarpon/limits.hpp>

#include <boost/algorithm/string/join.hpp>

#include <algorithm>

namespace tarpon::auth {
namespace {

constexpr const char* client_id = "tarpon";

failure unsafe(std::string_view why) {
    return {
        errc::registry_protocol, concat("the registry's token server is not one to trust: ", why)};
}

std::string form_field(std::string_view name, std::string_view value) {
    return concat(name, "=", transport::percent_encode(value));
}

/// "repository:<path>:<actions>" at its last colon; no name where there is none.
struct scope_parts {
    std::string_view name;
    std::vector<std::string_view> actions;
};

scope_parts split_scope(std::string_view scope) {
    const std::size_t colon = scope.rfind(':');
    if (colon == scope.npos)
        return {};
    scope_parts parts{scope.substr(0, colon), {}};
    std::string_view rest = scope.substr(colon + 1);
    while (!rest.empty()) {
        parts.actions.push_back(rest.substr(0, rest.find(',')));
        rest.remove_prefix(std::min(rest.size(), parts.actions.back().size() + 1));
    }
    return parts;
}

} // namespace

result<token_realm> check_realm(
    const auth_challenge& challenge,
    const transport::url& asked,
    const transport::origin& registry) {
    const auto realm = transport::resolve_location(asked, challenge.parameter("realm"));
    if (!realm)
        return unsafe(realm.error().message);
    if (!realm->at.tls && registry.tls)
        return unsafe("it is plain http, the registry is https");
    const bool internal =
        transport::classify_host(realm->at.host) == transport::address_kind::internal;
    if (internal && realm->at.host != registry.host && !registry.is_loopback())
        return unsafe(concat("it is at the internal address ", realm->at.host));
    return token_realm{*realm, std::string(challenge.parameter("service"))};
}

transport::http_request make_token_get(
    const token_realm& from, const std::vector<std::string>& scopes, const credentials& who) {
    transport::http_request request;
    request.method = "GET";
    request.to = from.realm;
    if (!from.service.empty())
        request.to = request.to.with_query("service", from.service);
    for (const std::string& scope : scopes)
        request.to = request.to.with_query("scope", scope);
    request.to = request.to.with_query("client_id", client_id);
    if (who.has_password()) {
        request.to = request.to.with_query("account", who.username);
        request.headers.emplace_back(
            "Authorization",
            concat("Basic ", base64_encode(concat(who.username, ":", who.password))));
    }
    request.response_bytes_max = limits::token_body_bytes_max;
    return request;
}

transport::http_request make_token_post(
    const token_realm& from, const std::vector<std::string>& scopes, const credentials& who) {
    transport::http_request request;
    request.method = "POST";
    request.to = from.realm;
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    std::string form;
    if (!who.identity_token.empty())
        form = concat("grant_type=refresh_token&", form_field("refresh_token", who.identity_token));
    else
        form = concat(
            "grant_type=password&", form_field("username", who.username), "&",
            form_field("password", who.password));
    form +=
        concat("&", form_field("service", from.service), "&", form_field("client_id", client_id));
    if (!scopes.empty())
        form += concat("&", form_field("scope", boost::algorithm::join(scopes, " ")));
    request.body = std::move(form);
    request.response_bytes_max = limits::token_body_bytes_max;
    return request;
}

bool token::is_stale(std::chrono::steady_clock::time_point now) const noexcept {
    const auto margin = std::clamp(
        life / 10, std::chrono::seconds(1), std::chrono::seconds(limits::token_refresh_margin));
    return now + margin >= received + life;
}

result<token> parse_token(std::string_view body, std::chrono::steady_clock::time_point now) {
    const auto object = parse_strict_object(body);
    if (!object)
        return failure{errc::registry_protocol, "the token server's answer is not JSON"};
    token found;
    for (const char* key : {"token", "access_token"})
        if (const auto text = string_member(*object, key); found.text.empty() && text && *text)
            found.text = **text;
    if (found.text.empty())
        return failure{errc::registry_protocol, "the token server's answer holds no token"};
    if (!is_safe_secret(found.text))
        return failure{
            errc::registry_protocol, "the token server's token holds control characters"};
    found.received = now;
    found.life = limits::token_life_default;
    if (const auto seconds = size_member(*object, "expires_in");
        seconds && *seconds && **seconds > 0)
        found.life = std::chrono::seconds(std::min<std::uint64_t>(**seconds, 86'400));
    return found;
}

std::string push_scope(std::string_view repository) {
    return concat("repository:", repository, ":pull,push");
}

std::string pull_scope(std::string_view repository) {
    return concat("repository:", repository, ":pull");
}

std::string for_pushing(std::string_view scope) {
    const auto [name, actions] = split_scope(scope);
    std::string kept;
    for (const std::string_view action : actions)
        if (action == "pull" || action == "push" || action == "*")
            kept += concat(kept.empty() ? "" : ",", action);
    return name.empty() || kept.empty() ? std::string() : concat(name, ":", kept);
}

bool includes(std::string_view scope, std::string_view wanted) {
    const scope_parts has = split_scope(scope), needs = split_scope(wanted);
    if (needs.name.empty() || has.name != needs.name)
        return scope == wanted;
    return std::all_of(needs.actions.begin(), needs.actions.end(), [&](std::string_view action) {
        return std::find(has.actions.begin(), has.actions.end(), action) != has.actions.end();
    });
}

} // namespace tarpon::auth
