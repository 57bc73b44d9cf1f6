// See certs_dir.hpp.
#include "transport/certs_dir.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace tarpon::transport {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> usual_folders() {
    std::vector<fs::path> folders{"/etc/docker/certs.d"};
    if (const char* home = std::getenv("HOME"); home && *home)
        folders.push_back(fs::path(home) / ".config/containers/certs.d");
    folders.emplace_back("/etc/containers/certs.d");
    return folders;
}

/// How a host may be written: with its port, and without where it is the scheme's own.
std::vector<std::string> folder_names(const origin& host) {
    std::vector<std::string> names{concat(host.host, ":", host.port)};
    if (host.port == 443)
        names.push_back(host.host);
    return names;
}

result<host_certificates> read_folder(const fs::path& folder) {
    host_certificates found;
    std::vector<fs::path> files;
    std::error_code ec;
    for (fs::directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec))
        files.push_back(at->path());
    if (ec)
        return failure{errc::usage, concat("cannot read the folder ", folder.string())};
    std::sort(files.begin(), files.end()); // the order of a folder is nobody's decision
    for (const fs::path& file : files) {
        const auto with = [&](const char* extension) {
            return fs::path(file).replace_extension(extension);
        };
        if (file.extension() == ".crt")
            found.authorities.push_back(file.string());
        if (file.extension() == ".cert" && !fs::exists(with(".key"), ec))
            return failure{
                errc::usage, concat(file.string(), " has no key ", with(".key").string())};
        if (file.extension() == ".key" && !fs::exists(with(".cert"), ec))
            return failure{
                errc::usage, concat(file.string(), " has no certificate ", with(".cert").string())};
        if (file.extension() == ".cert")
            found.ours.push_back({file.string(), with(".key").string()});
    }
    return found;
}

} // namespace

result<host_certificates> find_host_certificates(const std::string& folder, const origin& host) {
    const auto folders = folder.empty() ? usual_folders() : std::vector<fs::path>{folder};
    for (const fs::path& base : folders)
        for (const std::string& name : folder_names(host)) {
            std::error_code ec;
            if (fs::is_directory(base / name, ec))
                return read_folder(base / name);
        }
    return host_certificates();
}

} // namespace tarpon::transport
