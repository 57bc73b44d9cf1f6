// Passwords that were right a moment ago, so that a push of hundreds of requests does not cost
// hundreds of bcrypts. Pure: the caller says what time it is.
//
// No password is kept: only its HMAC under a key of this process, together with the hash in the
// password file, so that a changed file counts at once. A pair of user and client has one entry,
// which a few wrong guesses put out: it must not answer guesses that bcrypt would make slow.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <utility>

namespace tarpon::server {

class known_logins {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit known_logins(std::size_t places_max);

    /// Who tries to get in, from where, and with what.
    struct attempt {
        const std::string& user;
        const std::string& client;
        const std::string& password;
        const std::string& hash; ///< of this user in the password file
    };

    void remember(const attempt& right, time_point now);
    /// Was this very password right, within limits::password_memory?
    bool knows(const attempt& tried, time_point now);
    /// Has the user logged in from there, within limits::known_place_memory?
    bool is_known_place(const std::string& user, const std::string& client, time_point now) const;
    std::size_t places() const noexcept { return entries_.size(); }

private:
    using place = std::pair<std::string, std::string>;
    struct entry {
        std::string proof;
        time_point at;
        int guesses_left;
        std::list<place>::iterator age;
    };

    std::string proof_of(const attempt& one) const;

    std::size_t places_max_;
    std::string key_;
    std::map<place, entry> entries_;
    std::list<place> by_age_;
};

} // namespace tarpon::server
