// Upload sessions: bytes that arrive for a blob until its digest commits it. Blocking; the table is
// thread-safe, a session is used by one request at a time.
//
//   uploads/<id>/repository    whose session this is: repository, user, and the system's boot
//   uploads/<id>/data          the bytes so far
//
// Sessions survive a restart of the server: the bytes are the system's by then, so the offset is
// the file's length, and all of them are read into the hash again. Bytes that were not synced do
// not survive the system itself, though the file may keep its length: after another boot a session
// begins anew. Sessions end a day after they began, also those nobody asks for again.
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
#include <optional>
#include <string>

namespace tarpon::server {

/// Who may go on with a session. `user` is empty where nobody has a name.
struct upload_owner {
    std::string repository;
    std::string user = {};

    friend bool operator==(const upload_owner&, const upload_owner&) = default;
};

/// As upload_owner::user: the server's own pushes. No user has a colon in the name.
inline constexpr std::string_view own_uploads_user = "tarpon: own pushes";

class upload_session {
public:
    const std::string id;
    const upload_owner owner;

    std::uint64_t offset() const noexcept { return offset_; }
    /// Throws errc::storage.
    void append(std::span<const std::byte> bytes);

private:
    friend class upload_store;
    upload_session(std::string its_id, upload_owner its_owner)
        : id(std::move(its_id))
        , owner(std::move(its_owner)) {}
    /// Makes the file and what is known of it agree again; false where that cannot be.
    bool open(std::optional<file> data, bool same_boot);

    file data_; ///< closed while no request uses the session
    std::uint64_t offset_ = 0;
    hasher sha256_;
    bool known_ = false; ///< offset and hash are this process's own
    bool in_use_ = false;
};

struct upload_limits {
    std::size_t sessions_max = limits::upload_sessions_max;
    std::size_t sessions_per_user_max = limits::upload_sessions_per_user_max;
    std::chrono::seconds session_life = std::chrono::hours(24);
};

class upload_store {
public:
    /// Takes up the sessions of an earlier process; removes those that are over, and those that a
    /// crash left without their files.
    upload_store(folder& root, blob_store& blobs, upload_limits limits = {});

    /// Can a restart of the machine be told from one of the server? After the former, and where
    /// there is no telling, sessions begin anew.
    bool knows_boot() const noexcept { return !boot_.empty(); }

    /// A session in use by one request; free again when the last owner lets go.
    using lease = std::shared_ptr<upload_session>;

    /// Throws errc::registry_refused when there are too many sessions.
    lease begin(const upload_owner& owner);
    enum class take_result { taken, unknown, busy };
    /// Only for the owner it was opened by.
    take_result take(const std::string& id, const upload_owner& owner, lease& into);
    /// Checks the digest and makes the bytes a blob. false: they have another digest. The session
    /// is gone however this ends. The last lease must be the caller's.
    bool commit(lease session, const digest& content);
    void drop(lease session);
    /// Removes the sessions that are over and not in use. `begin` does it now and then.
    void remove_expired();
    /// How many there are.
    std::size_t sessions() const {
        const std::lock_guard lock(mutex_);
        return sessions_.size();
    }

    /// Is something uploaded to this repository, or was until less than `pause` ago?
    bool busy(const std::string& repository, std::chrono::seconds pause) const;
    std::chrono::seconds session_life() const noexcept { return limits_.session_life; }

private:
    using clock = std::chrono::steady_clock;
    using session_table = std::map<std::string, std::shared_ptr<upload_session>>;

    void take_up(const std::string& id);
    void require_room(const upload_owner& owner) const;
    lease make_lease(std::shared_ptr<upload_session> session);
    void forget(const std::string& id);
    bool is_over(const std::string& id) const;

    folder& root_;
    blob_store& blobs_;
    const upload_limits limits_;
    const std::string boot_;
    std::atomic<clock::time_point> next_look_;
    mutable std::mutex mutex_;
    session_table sessions_;
    std::map<std::string, clock::time_point> last_use_; // by repository, of the last day
};

} // namespace tarpon::server
