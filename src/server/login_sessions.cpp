// See login_sessions.hpp.
#include "server/login_sessions.hpp"

#include "server/secrets.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::server {
namespace {

bool is_over(const login_sessions::session& one, login_sessions::time_point now) noexcept {
    return now - one.used >= limits::login_session_idle_max
           || now - one.begun >= limits::login_session_life;
}

/// What is looked up is not what was sent, so the time that takes tells nothing about ids.
std::string name_of(std::string_view id) {
    return keyed_digest("tarpon session", id);
}

} // namespace

void login_sessions::make_room(const std::string& user, time_point now) {
    std::erase_if(sessions_, [&](const auto& one) { return is_over(one.second, now); });
    auto oldest = sessions_.end(), oldest_of_user = sessions_.end();
    std::size_t of_user = 0;
    for (auto one = sessions_.begin(); one != sessions_.end(); ++one) {
        if (oldest == sessions_.end() || one->second.used < oldest->second.used)
            oldest = one;
        if (one->second.user != user)
            continue;
        ++of_user;
        if (oldest_of_user == sessions_.end() || one->second.used < oldest_of_user->second.used)
            oldest_of_user = one;
    }
    if (of_user >= limits::login_sessions_of_user_max)
        sessions_.erase(oldest_of_user);
    else if (sessions_.size() >= limits::login_sessions_max)
        sessions_.erase(oldest);
}

login_sessions::fresh
login_sessions::begin(const std::string& user, const std::string& hash, time_point now) {
    make_room(user, now);
    fresh made{fresh_secret(), fresh_secret()};
    sessions_.emplace(name_of(made.id), session{user, hash, made.token, now, now});
    return made;
}

const login_sessions::session* login_sessions::find(std::string_view id, time_point now) {
    const auto found = sessions_.find(name_of(id));
    if (found == sessions_.end())
        return nullptr;
    if (is_over(found->second, now)) {
        sessions_.erase(found);
        return nullptr;
    }
    found->second.used = now;
    return &found->second;
}

void login_sessions::end(std::string_view id) {
    sessions_.erase(name_of(id));
}

} // namespace tarpon::server
