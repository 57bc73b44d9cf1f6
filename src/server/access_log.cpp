// See access_log.hpp. A pipe takes PIPE_BUF bytes without blocking once it is writable, so lines go
// out in pieces of that size at most, and only while there is room.
#include "server/access_log.hpp"

#include "model/text.hpp"
#include "model/utc_time.hpp"

#include <tarpon/error.hpp>
#include <tarpon/limits.hpp>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace tarpon::server {

namespace json = boost::json;

namespace {

constexpr int patience_ms = 1000; // for room in a pipe, and at the end

json::value or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(text);
}

/// Rounded to microseconds, which is what anybody can use.
double rounded(double seconds) {
    return static_cast<double>(static_cast<std::int64_t>(seconds * 1e6)) / 1e6;
}

} // namespace

std::string access_line(const request_record& request, std::chrono::system_clock::time_point now) {
    const json::object line{
        {"time", utc_time(now, time_precision::milliseconds)},
        {"client", request.client},
        {"user", or_null(request.user)},
        {"method", or_null(request.method)},
        {"path", or_null(request.path)},
        {"status", request.status == 0 ? json::value() : json::value(request.status)},
        {"complete", request.complete},
        {"bytes_in", request.bytes_in},
        {"bytes_out", request.bytes_out},
        {"seconds", rounded(request.seconds)},
        {"user_agent", or_null(request.agent)},
    };
    return json::serialize(line) + "\n";
}

access_log::access_log(std::string path)
    : path_(std::move(path)) {
    open_file();
    if (descriptor_ < 0)
        throw error(
            errc::usage, concat("cannot write the access log ", foreign_text(path_)),
            std::strerror(errno));
    writer_ = std::thread([this] { work(); });
}

access_log::~access_log() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
    if (descriptor_ > STDERR_FILENO)
        ::close(descriptor_);
}

void access_log::open_file() {
    descriptor_ =
        path_ == "-"
            ? STDOUT_FILENO
            : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
}

bool access_log::was_moved() const {
    if (path_ == "-")
        return false;
    struct stat ours {
    }, there{};
    return ::stat(path_.c_str(), &there) != 0 || ::fstat(descriptor_, &ours) != 0
           || ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
}

void access_log::write(const std::string& line) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() > limits::access_log_bytes_max) {
            ++lost_;
            return;
        }
        waiting_ += line;
    }
    changed_.notify_one();
}

std::uint64_t access_log::take_lost() noexcept {
    return std::exchange(lost_, 0);
}

bool access_log::stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void access_log::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty())
            return;
        const std::string lines = std::exchange(waiting_, std::string());
        lock.unlock();
        if (was_moved()) {
            const int before = descriptor_;
            open_file();
            if (descriptor_ < 0)
                descriptor_ = before; // the folder is gone: better there than nowhere
            else
                ::close(before);
        }
        write_out(lines);
        lock.lock();
    }
}

void access_log::write_out(const std::string& lines) {
    for (std::size_t at = 0; at < lines.size();) {
        pollfd room{descriptor_, POLLOUT, 0};
        const int ready = ::poll(&room, 1, patience_ms);
        if (ready == 0 && !stopping())
            continue;
        if (ready <= 0 && !(ready < 0 && errno == EINTR))
            return;
        const std::size_t size = std::min<std::size_t>(PIPE_BUF, lines.size() - at);
        const ssize_t sent = ::write(descriptor_, lines.data() + at, size);
        if (sent < 0 && errno != EINTR && errno != EAGAIN)
            return; // a full disk, or nobody reads any more
        at += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
}

} // namespace tarpon::server
