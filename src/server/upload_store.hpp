// Upload sessions: bytes that arrive for a blob until its digest commits it. Blocking; the table is
// thread-safe, a session is used by one request at a time.
//
//   uploads/<id>/repository    whose session this is
//   uploads/<id>/data          the bytes so far
//
// Sessions survive a restart: the offset is the file's length, and the digest at the commit decides
// whether the bytes are right.
#pragma once

#include "model/hasher.hpp"
#include "server/blob_store.hpp"
#include "server/files.hpp"

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
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

class upload_store {
public:
    upload_store(folder& root, blob_store& blobs);

    /// A session in use by one request; free again when the last owner lets go.
    using lease = std::shared_ptr<upload_session>;

    /// Throws errc::registry_refused when there are too many sessions.
    lease begin(const std::string& repository);
    enum class take_result { taken, unknown, busy };
    /// Only for the repository it was opened for.
    take_result take(const std::string& id, const std::string& repository, lease& into);
    /// Checks the digest and makes the bytes a blob. false: they have another digest; the session
    /// is gone either way. The last lease must be the caller's.
    bool commit(lease session, const digest& content);
    void drop(lease session);

private:
    std::shared_ptr<upload_session> restore(const std::string& id, const std::string& repository);
    lease make_lease(std::shared_ptr<upload_session> session);
    void forget(const std::string& id);
    void expire();

    folder& root_;
    blob_store& blobs_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<upload_session>> sessions_;
};

} // namespace tarpon::server
