// See auth_file.hpp.
#include "auth/auth_file.hpp"

#include "model/base64.hpp"
#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::auth {
namespace {

namespace json = boost::json;

constexpr const char* docker_hub_key = "https://index.docker.io/v1/";

json::string_view view(std::string_view text) {
    return {text.data(), text.size()};
}

std::string text_of(const json::object& object, const char* key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

const json::object* object_of(const json::object& object, const char* key) {
    const json::value* found = object.if_contains(key);
    return found && found->is_object() ? &found->get_object() : nullptr;
}

/// base64("user:password"): split at the first colon; old writers padded with NULs.
void read_basic(const std::string& packed, credentials& into) {
    const auto plain = base64_decode(packed);
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return;
    into.username = plain->substr(0, colon);
    into.password = plain->substr(colon + 1);
    into.password.erase(into.password.find_last_not_of('\0') + 1);
}

credentials read_entry(const json::object& entry) {
    credentials found;
    read_basic(text_of(entry, "auth"), found);
    if (found.username.empty()) {
        found.username = text_of(entry, "username");
        found.password = text_of(entry, "password");
    }
    found.identity_token = text_of(entry, "identitytoken");
    found.registry_token = text_of(entry, "registrytoken");
    for (std::string* secret :
         {&found.username, &found.password, &found.identity_token, &found.registry_token})
        if (!is_safe_secret(*secret))
            secret->clear();
    return found;
}

} // namespace

std::string docker_key(std::string_view host) {
    return host == "docker.io" ? docker_hub_key : std::string(host);
}

std::vector<std::string> key_spellings(std::string_view host) {
    if (host == "docker.io")
        return {docker_hub_key, "index.docker.io", "docker.io", "registry-1.docker.io"};
    return {std::string(host)};
}

std::string_view key_host(std::string_view key) {
    for (const std::string_view scheme : {"https://", "http://"})
        if (key.starts_with(scheme))
            key.remove_prefix(scheme.size());
    return key.substr(0, key.find('/'));
}

result<auth_file> auth_file::parse(std::string_view text) {
    auth_file file;
    if (text.find_first_not_of(" \t\r\n") == text.npos)
        return file;
    auto object = parse_strict_object(text);
    if (!object)
        return failure{errc::usage, object.error().message};
    file.json_ = std::move(*object);
    // ~/.dockercfg: hosts at the top level, each an object with "auth".
    file.flat_ =
        !file.json_.contains("auths") && !file.json_.contains("credsStore")
        && !file.json_.contains("credHelpers") && !file.json_.empty()
        && std::all_of(file.json_.begin(), file.json_.end(), [](const auto& member) {
               return member.value().is_object() && member.value().get_object().contains("auth");
           });
    return file;
}

std::optional<credentials> auth_file::auth_of(std::string_view key) const {
    const json::object* auths = flat_ ? &json_ : object_of(json_, "auths");
    if (!auths)
        return std::nullopt;
    const json::value* entry = auths->if_contains(view(key));
    if (!entry) {
        for (const auto& member : *auths) {
            const std::string_view name(member.key().data(), member.key().size());
            if (name.find("://") != name.npos && key_host(name) == key_host(key))
                entry = &member.value();
        }
    }
    if (!entry || !entry->is_object())
        return std::nullopt;
    credentials found = read_entry(entry->get_object());
    return found.empty() ? std::nullopt : std::optional(std::move(found));
}

std::string auth_file::helper_named(const char* member, std::string_view host) const {
    const json::object* helpers = object_of(json_, member);
    if (!helpers)
        return {};
    for (const std::string& key : key_spellings(host))
        if (const json::value* name = helpers->if_contains(key); name && name->is_string())
            return std::string(name->get_string());
    return {};
}

std::string auth_file::helper_for(std::string_view host) const {
    const std::string own = helper_named("credHelpers", host);
    return own.empty() ? text_of(json_, "credsStore") : own;
}

std::optional<auth_entry> auth_file::find_docker(std::string_view host) const {
    auth_entry entry;
    entry.key = docker_key(host);
    entry.helper = helper_for(host);
    if (!entry.helper.empty())
        return entry;
    for (const std::string& key : key_spellings(host))
        if (auto found = auth_of(key)) {
            entry.found = std::move(*found);
            return entry;
        }
    return std::nullopt;
}

std::optional<auth_entry>
auth_file::find_podman(std::string_view host, std::string_view path) const {
    auth_entry entry;
    entry.key = docker_key(host);
    entry.helper = helper_named("credHelpers", host);
    if (!entry.helper.empty())
        return entry;
    // host/ns/repo, host/ns, host
    for (std::string_view rest = path; !rest.empty();
         rest = rest.substr(0, rest.rfind('/') == rest.npos ? 0 : rest.rfind('/')))
        if (auto found = auth_of(concat(host, "/", rest))) {
            entry.found = std::move(*found);
            return entry;
        }
    for (const std::string& key : key_spellings(host))
        if (auto found = auth_of(key)) {
            entry.found = std::move(*found);
            return entry;
        }
    return std::nullopt;
}

bool auth_file::has(std::string_view host) const {
    const json::object* auths = object_of(json_, "auths");
    if (!auths)
        return false;
    for (const std::string& key : key_spellings(host))
        if (auths->contains(key))
            return true;
    return false;
}

void auth_file::set(std::string_view host, const credentials* found, bool in_helper) {
    json::value& auths = json_["auths"];
    if (!auths.is_object())
        auths = json::object();
    for (const std::string& key : key_spellings(host))
        auths.get_object().erase(key);
    if (!found)
        return;
    json::object entry;
    if (!in_helper && !found->username.empty())
        entry["auth"] = base64_encode(concat(found->username, ":", found->password));
    if (!in_helper && !found->identity_token.empty())
        entry["identitytoken"] = found->identity_token;
    auths.get_object()[docker_key(host)] = std::move(entry);
}

std::string auth_file::str() const {
    return json::serialize(json_) + "\n";
}

} // namespace tarpon::auth
