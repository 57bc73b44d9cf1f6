// See upload_store.hpp.
#include "server/upload_store.hpp"

#include "model/random_name.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

namespace tarpon::server {
namespace {

constexpr std::chrono::minutes look_every{10}; // for sessions that are over
constexpr std::size_t owner_bytes_max = 4096;

std::string random_id() {
    auto id = random_name(16);
    if (!id)
        throw error(errc::internal, "no random bytes");
    return std::move(*id);
}

/// Changes with every start of the system; empty where there is no telling.
std::string boot_of_system() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    std::getline(file, boot);
    return boot;
}

std::string session_path(const std::string& id) {
    return concat("uploads/", id);
}

std::string owner_path(const std::string& id) {
    return concat(session_path(id), "/repository");
}

std::string data_path(const std::string& id) {
    return concat(session_path(id), "/data");
}

/// What stands in the file of the owner.
struct session_origin {
    upload_owner owner;
    std::string boot;

    std::string text() const {
        return concat(owner.repository, "\n", owner.user, "\n", boot, "\n");
    }
    static std::optional<session_origin> parse(std::string_view text) {
        session_origin found;
        for (std::string* line : {&found.owner.repository, &found.owner.user, &found.boot}) {
            const std::size_t end = text.find('\n');
            if (end == text.npos)
                return std::nullopt;
            *line = text.substr(0, end);
            text.remove_prefix(end + 1);
        }
        return found;
    }
};

std::optional<session_origin> origin_of(const folder& root, const std::string& id) {
    const std::string path = owner_path(id);
    const auto size = root.size_of(path);
    if (!size || *size > owner_bytes_max)
        return std::nullopt;
    const auto text = root.read(path, owner_bytes_max);
    return text ? session_origin::parse(*text) : std::nullopt;
}

template <class Sink>
void read_all(const file& from, std::uint64_t size, Sink sink) {
    std::vector<std::byte> piece(256 * 1024);
    for (std::uint64_t at = 0; at < size;) {
        const std::size_t got = from.read_at(at, piece);
        if (got == 0)
            break;
        sink(std::span<const std::byte>(piece).first(got));
        at += got;
    }
}

} // namespace

void upload_session::append(std::span<const std::byte> bytes) {
    data_.write_at(offset_, bytes);
    sha256_.update(bytes);
    offset_ += bytes.size();
}

bool upload_session::open(std::optional<file> data, bool same_boot) {
    if (!data)
        return false;
    data_ = std::move(*data);
    const std::uint64_t size = data_.size();
    if (!known_ && same_boot) {
        offset_ = 0;
        sha256_ = hasher();
        read_all(data_, size, [&](std::span<const std::byte> bytes) {
            sha256_.update(bytes);
            offset_ += bytes.size();
        });
    }
    known_ = true;
    // More is there after a write that failed half way, or what another boot left.
    if (size > offset_)
        data_.truncate(offset_);
    return size >= offset_;
}

upload_store::upload_store(folder& root, blob_store& blobs, upload_limits limits)
    : root_(root)
    , blobs_(blobs)
    , limits_(limits)
    , boot_(boot_of_system())
    , next_look_(clock::now() + look_every) {
    for (const folder::entry& session : root_.list("uploads"))
        if (session.is_folder)
            take_up(session.name);
}

void upload_store::take_up(const std::string& id) {
    auto origin = origin_of(root_, id);
    // Nobody goes on with an upload of the server's own pushes once it is started again.
    const bool ours = origin && origin->owner.user == own_uploads_user;
    if (!origin || ours || !root_.size_of(data_path(id)) || is_over(id)) {
        root_.remove_tree(session_path(id));
        return;
    }
    std::shared_ptr<upload_session> session(new upload_session(id, std::move(origin->owner)));
    last_use_[session->owner.repository] = clock::now(); // for all we know
    sessions_.emplace(id, std::move(session));
}

upload_store::lease upload_store::make_lease(std::shared_ptr<upload_session> session) {
    session->in_use_ = true;
    last_use_[session->owner.repository] = clock::now();
    upload_session* raw = session.get();
    auto give_back = [this, session = std::move(session)](upload_session*) {
        const std::lock_guard guard(mutex_);
        session->data_ = file();
        session->in_use_ = false;
        last_use_[session->owner.repository] = clock::now();
    };
    return {raw, give_back};
}

void upload_store::require_room(const upload_owner& owner) const {
    const auto is_theirs = [&](const auto& session) {
        return session.second->owner.user == owner.user;
    };
    const bool full = sessions_.size() >= limits_.sessions_max;
    const bool theirs = !owner.user.empty()
                        && std::count_if(sessions_.begin(), sessions_.end(), is_theirs)
                               >= static_cast<std::ptrdiff_t>(limits_.sessions_per_user_max);
    if (full || theirs)
        throw error(errc::registry_refused, "too many uploads are under way");
}

upload_store::lease upload_store::begin(const upload_owner& owner) {
    const auto now = clock::now();
    if (now >= next_look_.load()) {
        next_look_ = now + look_every;
        remove_expired();
    }
    {
        const std::lock_guard guard(mutex_);
        require_room(owner);
    }
    const std::string id = random_id();
    try {
        root_.write_atomically(owner_path(id), session_origin{owner, boot_}.text());
        std::shared_ptr<upload_session> session(new upload_session(id, owner));
        session->open(root_.create(data_path(id)), true);
        const std::lock_guard guard(mutex_);
        sessions_.emplace(id, session);
        return make_lease(std::move(session));
    } catch (const error&) {
        root_.remove_tree(session_path(id));
        throw;
    }
}

upload_store::take_result
upload_store::take(const std::string& id, const upload_owner& owner, lease& into) {
    {
        const std::lock_guard guard(mutex_);
        const auto known = sessions_.find(id);
        if (known == sessions_.end() || known->second->owner != owner)
            return take_result::unknown;
        if (known->second->in_use_)
            return take_result::busy;
        into = make_lease(known->second);
    }
    const auto origin = into->known_ ? std::nullopt : origin_of(root_, id);
    const bool same_boot = origin && !boot_.empty() && origin->boot == boot_;
    if (into->open(root_.open_for_writing(data_path(id)), same_boot))
        return take_result::taken;
    drop(std::exchange(into, nullptr)); // its file is gone, or lost bytes
    return take_result::unknown;
}

bool upload_store::commit(lease session, const digest& content) {
    try {
        digest found;
        if (content.algo() == digest::algorithm::sha256) {
            found = session->sha256_.finish();
        } else {
            hasher other(content.algo());
            read_all(session->data_, session->offset(), [&](std::span<const std::byte> bytes) {
                other.update(bytes);
            });
            found = other.finish();
        }
        const bool right = found == content;
        if (right) {
            // A write that failed half way may have left more behind than was counted.
            if (session->data_.size() != session->offset())
                session->data_.truncate(session->offset());
            session->data_.sync();
            const auto inside = blobs_.gate().enter();
            blobs_.add(
                session->owner.repository, content, data_path(session->id), session->offset());
        }
        drop(std::move(session));
        return right;
    } catch (const error&) {
        // The hash is used up, and a sync that failed must not be tried again.
        if (session)
            drop(std::move(session));
        throw;
    }
}

void upload_store::drop(lease session) {
    const std::string id = session->id;
    // Known and in use until its files are gone: nobody may take up what is half removed.
    struct at_end {
        upload_store& store;
        const std::string& id;
        ~at_end() { store.forget(id); }
    } forgetting{*this, id};
    root_.remove_tree(session_path(id));
}

void upload_store::forget(const std::string& id) {
    const std::lock_guard guard(mutex_);
    sessions_.erase(id);
}

bool upload_store::is_over(const std::string& id) const {
    const auto begun = root_.changed_at(owner_path(id));
    return begun && std::chrono::system_clock::now() - *begun > limits_.session_life;
}

void upload_store::remove_expired() {
    std::vector<std::string> known;
    {
        const std::lock_guard guard(mutex_);
        for (const auto& [id, session] : sessions_)
            known.push_back(id);
        const auto yesterday = clock::now() - limits_.session_life;
        std::erase_if(last_use_, [&](const auto& use) { return use.second < yesterday; });
    }
    for (const std::string& id : known) {
        lease session;
        if (is_over(id)) {
            const std::lock_guard guard(mutex_);
            const auto found = sessions_.find(id);
            if (found != sessions_.end() && !found->second->in_use_)
                session = make_lease(found->second);
        }
        if (session)
            drop(std::move(session));
    }
}

bool upload_store::busy(const std::string& repository, std::chrono::seconds pause) const {
    const auto since = clock::now() - pause;
    const std::lock_guard guard(mutex_);
    const auto used = last_use_.find(repository);
    if (used != last_use_.end() && used->second > since)
        return true;
    return std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& session) {
        return session.second->in_use_ && session.second->owner.repository == repository;
    });
}

} // namespace tarpon::server
