// Upload sessions: bytes that arrive for a blob until its digest commits it. Blocking; the table is
// thread-safe, a session is used by one request at a time.
//
//   uploads/<id>/repository    whose session this is
//   uploads/<id>/data          the bytes so far
//
// Sessions survive a restart: the offset is the file's length, and the digest at the commit decides
// whether the bytes are right. They end a day after they began, also those nobody asks for again.
#pragma once

#include "model/hasher.hpp"
#include "server/blob_store.hpp"
#include "server/files.hpp"

#include <tarpon/limits.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace tarpon::server {

class upload_session {
public:
    const std::string id;
    const std::string repository;

    std::uint64_t offset() const noexcept { return offset_; }
    /// Throws errc::storage.
    void append(std::span<const std::byte> bytes);

private:
    friend class upload_store;
    upload_session(std::string id, std::string repository, file data);
    /// Reads what an earlier process left behind into the hash.
    void catch_up();

    file data_;
    std::uint64_t offset_ = 0;
    hasher sha256_;
    bool in_use_ = false;
};

struct upload_limits {
    std::size_t sessions_max = limits::upload_sessions_max;
    std::chrono::seconds session_life = std::chrono::hours(24);
};

class upload_store {
public:
    /// Removes sessions that are over, and those that a crash left without their files.
    upload_store(folder& root, blob_store& blobs, upload_limits limits = {});

    /// A session in use by one request; free again when the last owner lets go.
    using lease = std::shared_ptr<upload_session>;

    /// Throws errc::registry_refused when there are too many sessions.
    lease begin(const std::string& repository);
    enum class take_result { taken, unknown, busy };
    /// Only for the repository it was opened for.
    take_result take(const std::string& id, const std::string& repository, lease& into);
    /// Checks the digest and makes the bytes a blob. false: they have another digest. The session
    /// is gone however this ends. The last lease must be the caller's.
    bool commit(lease session, const digest& content);
    void drop(lease session);
    /// Removes the sessions that are over and not in use. `begin` does it now and then.
    void remove_expired();

private:
    std::shared_ptr<upload_session> restore(const std::string& id, const std::string& repository);
    lease make_lease(std::shared_ptr<upload_session> session);
    void forget(const std::string& id);
    bool is_over(const std::string& id) const;
    void remove_unless_in_use(const std::string& id);

    folder& root_;
    blob_store& blobs_;
    const upload_limits limits_;
    std::atomic<std::chrono::steady_clock::time_point> next_look_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<upload_session>> sessions_;
};

} // namespace tarpon::server
