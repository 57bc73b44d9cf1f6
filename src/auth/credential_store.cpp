// See credential_store.hpp.
#include "auth/credential_store.hpp"

#include "auth/auth_file.hpp"
#include "auth/credential_finder.hpp"
#include "auth/credential_helper.hpp"
#include "model/text.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace tarpon::auth {
namespace {

namespace fs = std::filesystem;

error unusable(const fs::path& file, std::string_view doing) {
    return error(
        errc::usage, concat("cannot ", doing, " ", file.string()),
        foreign_text(std::strerror(errno)));
}

auth_file read_file(const std::string& file) {
    const auto text = read_auth_file(file);
    auto parsed = auth_file::parse(text.value_or(std::string()));
    if (!parsed)
        throw error(errc::usage, concat("cannot use ", file), parsed.error().message);
    return std::move(*parsed);
}

void write_all(int fd, std::string_view text, const fs::path& file) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(fd, text.data(), text.size());
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            throw unusable(file, "write");
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

/// A new file takes the old one's place only when it is complete and on the disk.
void replace_file(const std::string& name, const std::string& text) {
    std::error_code ec;
    const fs::path real = fs::exists(name, ec) ? fs::canonical(name, ec) : fs::path(name);
    const fs::path file = ec ? fs::path(name) : real;
    if (file.has_parent_path() && !fs::exists(file.parent_path(), ec)) {
        fs::create_directories(file.parent_path(), ec);
        ::chmod(file.parent_path().c_str(), 0700);
    }
    std::string temporary = file.string() + ".XXXXXX";
    const int fd = ::mkostemp(temporary.data(), O_CLOEXEC); // 0600
    if (fd < 0)
        throw unusable(file, "write");
    struct cleaner {
        int fd;
        const std::string& temporary;
        ~cleaner() {
            if (fd >= 0)
                ::close(fd);
            ::unlink(temporary.c_str()); // gone already when all went well
        }
    } cleaning{fd, temporary};
    write_all(fd, text, file);
    if (::fsync(fd) != 0 || ::close(std::exchange(cleaning.fd, -1)) != 0
        || ::rename(temporary.c_str(), file.c_str()) != 0)
        throw unusable(file, "write");
}

} // namespace

stored_place
store_credentials(const std::string& file, const std::string& host, const credentials& secret) {
    auth_file content = read_file(file);
    const std::string helper = content.helper_for(host);
    if (!helper.empty())
        store_with_helper(helper, docker_key(host), secret);
    content.set(host, &secret, !helper.empty());
    replace_file(file, content.str());
    return helper.empty() ? file : concat("helper ", helper);
}

stored_place remove_credentials(const std::string& file, const std::string& host) {
    auth_file content = read_file(file);
    const std::string helper = content.helper_for(host);
    if (!helper.empty())
        erase_with_helper(helper, docker_key(host));
    const bool there = content.has(host);
    if (there) {
        content.set(host, nullptr, false);
        replace_file(file, content.str());
    }
    if (!helper.empty())
        return concat("helper ", helper);
    return there ? file : stored_place();
}

} // namespace tarpon::auth
