// Looks for credentials where docker and podman keep them. Blocking; called on the CPU pool.
#pragma once

#include "auth/auth_file.hpp"
#include "auth/credentials.hpp"
#include "model/environment.hpp"

#include <tarpon/options.hpp>

#include <optional>
#include <string>
#include <vector>

namespace tarpon::auth {

/// Order: what the caller gave; --authfile or REGISTRY_AUTH_FILE alone; else DOCKER_AUTH_CONFIG,
/// podman's auth.json, docker's config.json, ~/.dockercfg. The first that knows the registry wins.
class credential_finder {
public:
    credential_finder(const connection_options& options, environment_lookup environment);

    /// Empty credentials when nobody has any. Throws `error` when a file or helper that should
    /// have them cannot be used.
    credentials find(const std::string& host, const std::string& repository);

    /// Where it looked, for the message "no credentials for HOST (looked in …)".
    const std::vector<std::string>& places() const noexcept { return places_; }

private:
    enum class rules { docker, podman };
    struct place {
        std::string name; ///< path, or a variable's name
        rules by;
        std::optional<std::string> text; ///< content, for a variable
    };

    void add_places();
    std::optional<credentials>
    look(const place& at, const std::string& host, const std::string& repository);

    connection_options options_;
    environment_lookup environment_;
    std::vector<place> files_;
    std::vector<std::string> places_;
};

/// $DOCKER_CONFIG/config.json, else ~/.docker/config.json; empty without a home.
std::string docker_config_path(const environment_lookup& environment);
/// Whole content; nullopt when the file is not there. Throws `error` errc::usage.
std::optional<std::string> read_auth_file(const std::string& path);

} // namespace tarpon::auth
