// A lock on a file that ends with its object, or with the process however that ends: flock. Seen by
// everybody who sees the folder, also from other containers, whose process numbers say nothing.
#pragma once

#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace tarpon::state {

class folder_lock {
public:
    /// `flags`: besides O_RDWR; O_CREAT by default.
    explicit folder_lock(const std::string& path, int flags = O_CREAT)
        : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600))
        , errno_(fd_ < 0 ? errno : 0)
        , path_(path) {}
    ~folder_lock() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    folder_lock(const folder_lock&) = delete;
    folder_lock& operator=(const folder_lock&) = delete;

    bool is_open() const noexcept { return fd_ >= 0; }
    bool is_absent() const noexcept { return errno_ == ENOENT; }
    /// Why it is not open.
    std::string why() const { return path_ + ": " + std::strerror(errno_); }
    int fd() const noexcept { return fd_; }

    /// Neither waits. false: others have it, or the file is not open.
    bool share() const { return is_open() && flock(fd_, LOCK_SH | LOCK_NB) == 0; }
    bool alone() const { return is_open() && flock(fd_, LOCK_EX | LOCK_NB) == 0; }

private:
    int fd_;
    int errno_;
    std::string path_;
};

} // namespace tarpon::state
