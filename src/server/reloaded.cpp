// See reloaded.hpp.
#include "server/reloaded.hpp"

#include "model/text.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace tarpon::server {
namespace {

[[noreturn]] void
unusable(const std::string& what, const std::string& path, const std::string& why) {
    throw error(errc::usage, concat("cannot use ", what, " ", foreign_text(path)), why);
}

[[noreturn]] void unusable_now(const std::string& what, const std::string& path) {
    unusable(what, path, std::generic_category().message(errno));
}

} // namespace

file_stamp stamp_of(const std::string& path) noexcept {
    struct stat seen {};
    if (::stat(path.c_str(), &seen) != 0)
        return {};
    // The time of any change: permissions count too.
    return {
        static_cast<std::uint64_t>(seen.st_dev), static_cast<std::uint64_t>(seen.st_ino),
        static_cast<std::uint64_t>(seen.st_size),
        static_cast<std::int64_t>(seen.st_ctim.tv_sec) * 1'000'000'000 + seen.st_ctim.tv_nsec};
}

std::string
read_settings_file(const std::string& what, const std::string& path, std::size_t bytes_max) {
    struct descriptor {
        int fd;
        ~descriptor() {
            if (fd >= 0)
                ::close(fd);
        }
    } file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)}; // a FIFO must not block
    struct stat seen {};
    if (file.fd < 0 || ::fstat(file.fd, &seen) != 0)
        unusable_now(what, path);
    if (!S_ISREG(seen.st_mode))
        unusable(what, path, "it is no regular file");
    std::string text(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = ::read(file.fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            unusable_now(what, path);
        if (got == 0)
            break;
        size += static_cast<std::size_t>(got);
    }
    if (size > bytes_max)
        unusable(what, path, concat("it is larger than ", human_bytes(bytes_max)));
    text.resize(size);
    return text;
}

} // namespace tarpon::server
