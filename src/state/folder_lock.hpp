// Shared while a database is in use; had alone by who throws a damaged one away, because a journal
// must not meet a database that it does not belong to. Ends with its object, or the process.
#pragma once

#include <sys/file.h>

#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace tarpon::state {

class folder_lock {
public:
    explicit folder_lock(const std::string& path)
        : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
    ~folder_lock() {
        if (fd_ >= 0)
            ::close(fd_);
    }
    folder_lock(const folder_lock&) = delete;
    folder_lock& operator=(const folder_lock&) = delete;

    /// Neither waits. false: others have it, or the file cannot be made.
    bool share() const { return fd_ >= 0 && flock(fd_, LOCK_SH | LOCK_NB) == 0; }
    bool alone() const { return fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0; }

private:
    int fd_;
};

} // namespace tarpon::state
