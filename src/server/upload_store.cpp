// See upload_store.hpp.
#include "server/upload_store.hpp"

#include "model/random_name.hpp"
#include "model/text.hpp"

#include <utility>
#include <vector>

namespace tarpon::server {
namespace {

constexpr std::chrono::minutes look_every{10}; // for sessions that are over

std::string random_id() {
    auto id = random_name(16);
    if (!id)
        throw error(errc::internal, "no random bytes");
    return std::move(*id);
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

upload_session::upload_session(std::string its_id, std::string its_repository, file data)
    : id(std::move(its_id))
    , repository(std::move(its_repository))
    , data_(std::move(data)) {}

void upload_session::append(std::span<const std::byte> bytes) {
    data_.write_at(offset_, bytes);
    sha256_.update(bytes);
    offset_ += bytes.size();
}

void upload_session::catch_up() {
    const std::uint64_t size = data_.size();
    read_all(data_, size, [&](std::span<const std::byte> bytes) {
        sha256_.update(bytes);
        offset_ += bytes.size();
    });
}

upload_store::upload_store(folder& root, blob_store& blobs, upload_limits limits)
    : root_(root)
    , blobs_(blobs)
    , limits_(limits)
    , next_look_(std::chrono::steady_clock::now() + look_every) {
    for (const folder::entry& session : root_.list("uploads")) {
        const bool whole =
            root_.size_of(owner_path(session.name)) && root_.size_of(data_path(session.name));
        if (session.is_folder && (!whole || is_over(session.name)))
            root_.remove_tree(session_path(session.name));
    }
}

upload_store::lease upload_store::make_lease(std::shared_ptr<upload_session> session) {
    session->in_use_ = true;
    upload_session* raw = session.get();
    auto give_back = [this, session = std::move(session)](upload_session*) {
        const std::lock_guard guard(mutex_);
        session->in_use_ = false;
    };
    return {raw, give_back};
}

upload_store::lease upload_store::begin(const std::string& repository) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_look_.load()) {
        next_look_ = now + look_every;
        remove_expired();
    }
    {
        const std::lock_guard guard(mutex_);
        if (sessions_.size() >= limits_.sessions_max)
            throw error(errc::registry_refused, "too many uploads are under way");
    }
    const std::string id = random_id();
    try {
        root_.write_atomically(owner_path(id), repository);
        std::shared_ptr<upload_session> session(
            new upload_session(id, repository, root_.create(data_path(id))));
        const std::lock_guard guard(mutex_);
        sessions_.emplace(id, session);
        return make_lease(std::move(session));
    } catch (const error&) {
        root_.remove_tree(session_path(id));
        throw;
    }
}

std::shared_ptr<upload_session>
upload_store::restore(const std::string& id, const std::string& repository) {
    const auto owner = root_.read(owner_path(id), 1024);
    if (!owner || *owner != repository)
        return nullptr;
    auto data = root_.open_for_writing(data_path(id));
    if (!data)
        return nullptr;
    std::shared_ptr<upload_session> session(new upload_session(id, repository, std::move(*data)));
    session->catch_up();
    return session;
}

upload_store::take_result
upload_store::take(const std::string& id, const std::string& repository, lease& into) {
    {
        const std::lock_guard guard(mutex_);
        const auto known = sessions_.find(id);
        if (known != sessions_.end()) {
            if (known->second->repository != repository)
                return take_result::unknown;
            if (known->second->in_use_)
                return take_result::busy;
            into = make_lease(known->second);
            return take_result::taken;
        }
    }
    auto session = restore(id, repository);
    if (!session)
        return take_result::unknown;
    const std::lock_guard guard(mutex_);
    if (!sessions_.emplace(id, session).second)
        return take_result::busy; // another request restored it meanwhile
    into = make_lease(std::move(session));
    return take_result::taken;
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
            blobs_.add(session->repository, content, data_path(session->id), session->offset());
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
    for (const folder::entry& session : root_.list("uploads"))
        if (session.is_folder && is_over(session.name))
            remove_unless_in_use(session.name);
}

void upload_store::remove_unless_in_use(const std::string& id) {
    {
        const std::lock_guard guard(mutex_);
        const auto known = sessions_.find(id);
        if (known != sessions_.end() && known->second->in_use_)
            return;
        sessions_.erase(id);
    }
    root_.remove_tree(session_path(id));
}

} // namespace tarpon::server
