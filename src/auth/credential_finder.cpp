// See credential_finder.hpp.
#include "auth/credential_finder.hpp"

#include "auth/credential_helper.hpp"
#include "model/text.hpp"

#include <tarpon/limits.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace tarpon::auth {
namespace {

std::string home_of(const environment_lookup& environment) {
    return environment("HOME").value_or(std::string());
}

error unusable(const std::string& path, std::string_view why) {
    return error(errc::usage, concat("cannot use the credentials in ", path), foreign_text(why));
}

} // namespace

std::string docker_config_path(const environment_lookup& environment) {
    if (const auto folder = environment("DOCKER_CONFIG"); folder && !folder->empty())
        return concat(*folder, "/config.json");
    const std::string home = home_of(environment);
    return home.empty() ? std::string() : concat(home, "/.docker/config.json");
}

std::optional<std::string> read_auth_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return std::nullopt;
    if (fd < 0)
        throw unusable(path, std::strerror(errno));
    struct closer {
        int fd;
        ~closer() { ::close(fd); }
    } closing{fd};
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        throw unusable(path, "it is not a regular file");
    if (static_cast<std::uint64_t>(info.st_size) > limits::auth_file_bytes_max)
        throw unusable(path, "it is too large (auth_file_bytes_max)");
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < text.size()) {
        const ssize_t got = ::read(fd, text.data() + at, text.size() - at);
        if (got <= 0)
            break;
        at += static_cast<std::size_t>(got);
    }
    text.resize(at);
    return text;
}

credential_finder::credential_finder(
    const connection_options& options, environment_lookup environment)
    : options_(options)
    , environment_(std::move(environment)) {
    add_places();
}

void credential_finder::add_places() {
    if (!options_.auth_file.empty()) {
        files_.push_back({options_.auth_file, rules::podman, {}});
        return;
    }
    if (const auto file = environment_("REGISTRY_AUTH_FILE"); file && !file->empty()) {
        files_.push_back({*file, rules::podman, {}});
        return;
    }
    if (auto text = environment_("DOCKER_AUTH_CONFIG"); text && !text->empty())
        files_.push_back({"DOCKER_AUTH_CONFIG", rules::docker, std::move(*text)});
    const std::string home = home_of(environment_);
    const auto runtime = environment_("XDG_RUNTIME_DIR");
    if (runtime && !runtime->empty())
        files_.push_back({concat(*runtime, "/containers/auth.json"), rules::podman, {}});
    else
        files_.push_back({concat("/run/containers/", ::getuid(), "/auth.json"), rules::podman, {}});
    if (const auto config = environment_("XDG_CONFIG_HOME"); config && !config->empty())
        files_.push_back({concat(*config, "/containers/auth.json"), rules::podman, {}});
    else if (!home.empty())
        files_.push_back({concat(home, "/.config/containers/auth.json"), rules::podman, {}});
    if (const std::string docker = docker_config_path(environment_); !docker.empty())
        files_.push_back({docker, rules::docker, {}});
    if (!home.empty())
        files_.push_back({concat(home, "/.dockercfg"), rules::docker, {}});
}

std::optional<credentials>
credential_finder::look(const place& at, const std::string& host, const std::string& repository) {
    const auto text = at.text ? at.text : read_auth_file(at.name);
    if (!text)
        return std::nullopt;
    const auto file = auth_file::parse(*text);
    if (!file)
        throw unusable(at.name, file.error().message);
    auto entry =
        at.by == rules::docker ? file->find_docker(host) : file->find_podman(host, repository);
    if (!entry)
        return std::nullopt;
    if (entry->helper.empty()) {
        entry->found.source = at.name;
        return std::move(entry->found);
    }
    auto found = ask_helper(entry->helper, entry->key);
    if (!found)
        places_.push_back(concat("helper ", entry->helper));
    return found;
}

credentials credential_finder::find(const std::string& host, const std::string& repository) {
    credentials given;
    if (!options_.registry_token.empty()) {
        given.registry_token = options_.registry_token;
        given.source = "--registry-token";
        return given;
    }
    if (!options_.username.empty()) {
        given.username = options_.username;
        given.password = options_.password;
        given.source = "--username";
        return given;
    }
    places_.clear();
    for (const place& at : files_) {
        places_.push_back(at.name);
        if (auto found = look(at, host, repository))
            return std::move(*found);
    }
    return given;
}

} // namespace tarpon::auth
