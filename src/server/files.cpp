// See files.hpp.
#include "server/files.hpp"

#include "model/text.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>
#include <utility>

namespace tarpon::server {
namespace {

constexpr std::string_view temporary_prefix = ".tmp-";

[[noreturn]] void fail(std::string_view what, std::string_view name) {
    const int number = errno;
    throw error(errc::storage, concat("cannot ", what, " ", name), std::strerror(number));
}

/// Of a sync, where it failed.
[[noreturn]] void
fail_for_good(std::string_view what, std::string_view name, const sync_failure& of) {
    if (of)
        *of = true;
    fail(what, name);
}

void refuse_after_failed_sync(const sync_failure& failed) {
    if (failed && *failed)
        throw error(
            errc::storage, "the storage takes nothing more",
            "a sync failed, so what was written before may be lost; look at the disk, then start "
            "the server again");
}

template <class Call>
auto retry(Call call) {
    auto got = call();
    while (got < 0 && errno == EINTR)
        got = call();
    return got;
}

std::string parent_of(const std::string& name) {
    const std::size_t slash = name.rfind('/');
    return slash == name.npos ? std::string(".") : name.substr(0, slash);
}

} // namespace

file::file(file&& other) noexcept
    : fd_(std::exchange(other.fd_, -1))
    , failure_(std::move(other.failure_)) {}

file& file::operator=(file&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(failure_, other.failure_);
    return *this;
}

file::~file() {
    if (fd_ >= 0)
        ::close(fd_);
}

void file::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
    refuse_after_failed_sync(failure_);
    while (!bytes.empty()) {
        const auto put = retry(
            [&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
        if (put < 0)
            fail("write to", "a file of the storage");
        offset += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

std::size_t file::read_at(std::uint64_t offset, std::span<std::byte> into) const {
    const auto got =
        retry([&] { return ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset)); });
    if (got < 0)
        fail("read", "a file of the storage");
    return static_cast<std::size_t>(got);
}

void file::truncate(std::uint64_t size) const {
    if (retry([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) < 0)
        fail("cut", "a file of the storage");
}

void file::sync() const {
    refuse_after_failed_sync(failure_);
    if (::fsync(fd_) < 0)
        fail_for_good("sync", "a file of the storage", failure_);
}

std::uint64_t file::size() const {
    struct stat info {};
    if (::fstat(fd_, &info) < 0)
        fail("look at", "a file of the storage");
    return static_cast<std::uint64_t>(info.st_size);
}

folder::folder(const std::string& path)
    : path_(path) {
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST)
        fail("create the folder", path);
    root_ = file(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_)
        fail("open the folder", path);
}

std::optional<file> folder::open_regular(const std::string& name, int flags) const {
    // Without O_NONBLOCK opening a FIFO would wait for its other end.
    const int fd = retry([&] {
        return ::openat(root_.fd(), name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    });
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return std::nullopt;
    if (fd < 0)
        fail("open", name);
    file opened(fd, failure_);
    struct stat info {};
    if (::fstat(fd, &info) < 0)
        fail("look at", name);
    if (!S_ISREG(info.st_mode))
        throw error(errc::storage, concat("cannot open ", name), "it is not a regular file");
    return opened;
}

std::optional<file> folder::open(const std::string& name) const {
    return open_regular(name, O_RDONLY);
}

std::optional<file> folder::open_for_writing(const std::string& name) const {
    refuse_after_failed_sync(failure_);
    return open_regular(name, O_RDWR);
}

file folder::create(const std::string& name) const {
    refuse_after_failed_sync(failure_);
    const int fd = retry([&] {
        return ::openat(
            root_.fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    });
    if (fd < 0)
        fail("create", name);
    return file(fd, failure_);
}

std::optional<std::uint64_t> folder::size_of(const std::string& name) const {
    struct stat info {};
    if (::fstatat(root_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return std::nullopt;
        fail("look at", name);
    }
    if (!S_ISREG(info.st_mode))
        return std::nullopt;
    return static_cast<std::uint64_t>(info.st_size);
}

std::optional<std::chrono::system_clock::time_point>
folder::changed_at(const std::string& name) const {
    struct stat info {};
    if (::fstatat(root_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return std::nullopt;
        fail("look at", name);
    }
    return std::chrono::system_clock::from_time_t(info.st_mtim.tv_sec);
}

std::optional<std::string> folder::read(const std::string& name, std::size_t bytes_max) const {
    const auto opened = open(name);
    if (!opened)
        return std::nullopt;
    const std::uint64_t size = opened->size();
    if (size > bytes_max)
        throw error(
            errc::storage, concat("cannot read ", name),
            concat("it has ", size, " bytes, over ", bytes_max));
    std::string content(static_cast<std::size_t>(size), '\0');
    std::size_t at = 0;
    while (at < content.size()) {
        const std::size_t got =
            opened->read_at(at, std::as_writable_bytes(std::span(content).subspan(at)));
        if (got == 0)
            throw error(errc::storage, concat("cannot read ", name), "it became shorter");
        at += got;
    }
    return content;
}

std::string folder::temporary_name() const {
    static std::atomic<unsigned> counter{0};
    return concat(temporary_prefix, ::getpid(), "-", counter.fetch_add(1));
}

void folder::remove_temporaries() const {
    for (const entry& child : list("."))
        if (!child.is_folder && child.name.starts_with(temporary_prefix))
            remove(child.name);
}

void folder::sync_parent(const std::string& name) const {
    const std::string parent = parent_of(name);
    const file opened(::openat(root_.fd(), parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        fail("open the folder", parent);
    // Some file systems (SMB, exFAT) cannot sync a folder and say so; others must.
    if (::fsync(opened.fd()) < 0 && errno != EINVAL && errno != ENOTSUP && errno != ENOTTY)
        fail_for_good("sync the folder", parent, failure_);
}

void folder::write_atomically(const std::string& name, std::string_view content) const {
    const std::string temporary = temporary_name();
    try {
        {
            const file out = create(temporary);
            out.write_at(0, std::as_bytes(std::span(content.data(), content.size())));
            out.sync();
        }
        make_parents(name);
        move_into_place(temporary, name);
    } catch (const error&) {
        ::unlinkat(root_.fd(), temporary.c_str(), 0); // a full disk must not be kept full
        throw;
    }
}

void folder::replace(const std::string& name, std::string_view content) const {
    const std::string temporary = temporary_name();
    try {
        create(temporary).write_at(0, std::as_bytes(std::span(content.data(), content.size())));
        rename(temporary, name);
    } catch (const error&) {
        ::unlinkat(root_.fd(), temporary.c_str(), 0);
        throw;
    }
}

void folder::move_into_place(const std::string& from, const std::string& to) const {
    rename(from, to);
    sync_parent(to);
}

void folder::make_parents(const std::string& name) const {
    // One at a time: who finds a folder made by another must find it durable.
    static std::mutex making;
    const std::lock_guard guard(making);
    for (std::size_t slash = name.find('/'); slash != name.npos;
         slash = name.find('/', slash + 1)) {
        const std::string parent = name.substr(0, slash);
        if (::mkdirat(root_.fd(), parent.c_str(), 0700) == 0)
            sync_parent(parent);
        else if (errno != EEXIST)
            fail("create the folder", parent);
    }
}

void folder::remove(const std::string& name) const {
    if (::unlinkat(root_.fd(), name.c_str(), 0) < 0 && errno != ENOENT)
        fail("remove", name);
}

void folder::remove_durably(const std::string& name) const {
    refuse_after_failed_sync(failure_);
    remove(name);
    sync_parent(name);
}

void folder::touch(const std::string& name) const {
    if (::utimensat(root_.fd(), name.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT
        && errno != ENOTDIR)
        fail("touch", name);
}

void folder::rename(const std::string& from, const std::string& to) const {
    refuse_after_failed_sync(failure_);
    if (::renameat(root_.fd(), from.c_str(), root_.fd(), to.c_str()) < 0)
        fail("rename a file to", to);
}

void folder::remove_tree(const std::string& name) const {
    for (const entry& child : list(name)) {
        const std::string path = concat(name, "/", child.name);
        if (child.is_folder)
            remove_tree(path);
        else
            remove(path);
    }
    if (::unlinkat(root_.fd(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
        fail("remove the folder", name);
}

std::vector<folder::entry> folder::list(const std::string& name) const {
    std::vector<entry> entries;
    const int fd =
        ::openat(root_.fd(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return entries;
    DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
    if (!stream) {
        const file closing(fd);
        fail("list the folder", name);
    }
    struct close_at_end {
        DIR* stream;
        ~close_at_end() { ::closedir(stream); }
    } closing{stream};
    while (true) {
        errno = 0;
        const dirent* found = ::readdir(stream);
        if (!found && errno != 0)
            fail("list the folder", name);
        if (!found)
            break;
        const std::string_view child = found->d_name;
        if (child == "." || child == "..")
            continue;
        struct stat info {};
        if (::fstatat(fd, found->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            entries.push_back({std::string(child), S_ISDIR(info.st_mode)});
        else if (errno != ENOENT) // removed meanwhile
            fail("look at", concat(name, "/", child));
    }
    return entries;
}

bool folder::try_lock(const std::string& name) {
    lock_ =
        file(::openat(root_.fd(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_)
        fail("create", name);
    return ::flock(lock_.fd(), LOCK_EX | LOCK_NB) == 0;
}

} // namespace tarpon::server
