// Docker's config.json and podman's auth.json: reading entries, and changing one. Pure.
#pragma once

#include "auth/credentials.hpp"

#include <tarpon/error.hpp>

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tarpon::auth {

/// What a file says about a registry.
struct auth_entry {
    credentials found;  ///< empty when a helper has them
    std::string helper; ///< docker-credential-<helper>
    std::string key;    ///< as in the file; what the helper is asked for
};

class auth_file {
public:
    /// Docker's format, or the older flat map without "auths" (~/.dockercfg). Errors:
    /// errc::usage; the message never quotes the content.
    static result<auth_file> parse(std::string_view text);

    /// Docker's rules: credHelpers for the host, then credsStore, then auths.
    std::optional<auth_entry> find_docker(std::string_view host) const;
    /// Podman's rules: keys may be namespaced (host/ns/repo), the longest match wins; credHelpers
    /// count, credsStore does not.
    std::optional<auth_entry> find_podman(std::string_view host, std::string_view path) const;

    /// The helper that `docker login` would store with; empty for the file itself.
    std::string helper_for(std::string_view host) const;
    /// Is there an entry of any spelling?
    bool has(std::string_view host) const;
    /// Sets or, with nullptr, removes an entry. With a helper the entry is an empty placeholder.
    void set(std::string_view host, const credentials* found, bool in_helper);
    /// The file's text; members that are not ours stay.
    std::string str() const;

private:
    std::optional<credentials> auth_of(std::string_view key) const;
    std::string helper_named(const char* member, std::string_view host) const;

    boost::json::object json_;
    bool flat_ = false;
};

/// The key under which docker keeps a registry: docker.io's is a URL.
std::string docker_key(std::string_view host);
/// All spellings under which a registry may stand in "auths".
std::vector<std::string> key_spellings(std::string_view host);
/// "https://reg:5000/v1/" and "reg:5000" are one key.
std::string_view key_host(std::string_view key);

} // namespace tarpon::auth
