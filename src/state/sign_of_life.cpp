// See sign_of_life.hpp.
#include "state/sign_of_life.hpp"

#include "model/random_name.hpp"
#include "model/text.hpp"
#include "state/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>

namespace tarpon::state {
namespace {

constexpr std::string_view prefix = "alive-";
constexpr int tries_max = 16;

std::string new_name() {
    const auto random = random_name(8);
    if (!random)
        throw database_error(SQLITE_IOERR, "no random bytes");
    return concat(prefix, *random);
}

/// Between making and locking it somebody may have taken it for a dead one's and removed it.
bool is_at(const folder_lock& lock, const std::string& path) {
    struct stat ours {
    }, there{};
    return ::fstat(lock.fd(), &ours) == 0 && ::stat(path.c_str(), &there) == 0
           && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/// A name out of the database must not lead elsewhere.
bool is_name(const std::string& name) {
    return name.starts_with(prefix) && name.find('/') == name.npos && name.size() < 64;
}

} // namespace

sign_of_life::sign_of_life(const std::string& folder) {
    for (int tries = 0; tries < tries_max; ++tries) {
        name_ = new_name();
        path_ = concat(folder, "/", name_);
        held_.emplace(path_, O_CREAT | O_EXCL);
        if (!held_->is_open())
            throw database_error(SQLITE_CANTOPEN, held_->why());
        if (held_->alone() && is_at(*held_, path_))
            return;
    }
    throw database_error(SQLITE_CANTOPEN, concat(folder, ": files in it cannot be locked"));
}

sign_of_life::~sign_of_life() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
}

bool is_alive(const std::string& folder, const std::string& name) {
    if (!is_name(name))
        return false;
    const std::string path = concat(folder, "/", name);
    const folder_lock other(path, 0);
    if (!other.is_open())
        return !other.is_absent();
    if (!other.alone())
        return true;
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return false;
}

void remove_dead(const std::string& folder) {
    std::error_code failed;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator at(folder, failed); !failed && at != end;
         at.increment(failed)) {
        const std::string name = at->path().filename().string();
        if (is_name(name))
            (void)is_alive(folder, name);
    }
}

} // namespace tarpon::state
