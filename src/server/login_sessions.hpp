// Who is logged in on the page. In memory only; pure: the caller says what time it is.
//
// A session's id is in its browser's cookie and, hashed, here. Its token is what the page sends in
// a header with what it does: other sites can make the browser send the cookie, not the header.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tarpon::server {

class login_sessions {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct session {
        std::string user;
        std::string hash; ///< of this user in the password file, when the session began
        std::string token;
        time_point begun;
        time_point used;
    };
    struct fresh {
        std::string id; ///< for the cookie, and nowhere else
        std::string token;
    };

    /// Bounds of limits.hpp: where a user, or all, have too many, the longest unused one ends.
    fresh begin(const std::string& user, const std::string& hash, time_point now);
    /// nullptr: there is none, or it is over. Counts as used. Valid until the next call.
    const session* find(std::string_view id, time_point now);
    void end(std::string_view id);
    std::size_t count() const noexcept { return sessions_.size(); }

private:
    using session_map = std::map<std::string, session>;

    void make_room(const std::string& user, time_point now);

    session_map sessions_; ///< by the hash of the id
};

} // namespace tarpon::server
