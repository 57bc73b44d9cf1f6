// See known_logins.hpp.
#include "server/known_logins.hpp"

#include "model/text.hpp"
#include "server/secrets.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::server {

namespace {
constexpr int guesses_max = 3; // wrong passwords that an entry is compared with
}

known_logins::known_logins(std::size_t places_max)
    : places_max_(places_max)
    , key_(fresh_secret()) {}

std::string known_logins::proof_of(const attempt& one) const {
    // Neither of the first two can hold a NUL.
    return keyed_digest(key_, concat(one.user, '\0', one.hash, '\0', one.password));
}

void known_logins::remember(const attempt& right, time_point now) {
    const place where{right.user, right.client};
    if (const auto known = entries_.find(where); known != entries_.end()) {
        by_age_.erase(known->second.age);
        entries_.erase(known);
    } else if (entries_.size() >= places_max_) {
        entries_.erase(by_age_.front());
        by_age_.pop_front();
    }
    by_age_.push_back(where);
    entries_.emplace(where, entry{proof_of(right), now, guesses_max, std::prev(by_age_.end())});
}

bool known_logins::knows(const attempt& tried, time_point now) {
    const auto known = entries_.find({tried.user, tried.client});
    if (known == entries_.end() || known->second.guesses_left <= 0
        || now - known->second.at >= limits::password_memory)
        return false;
    if (same_secret(known->second.proof, proof_of(tried)))
        return true;
    --known->second.guesses_left;
    return false;
}

bool known_logins::is_known_place(
    const std::string& user, const std::string& client, time_point now) const {
    const auto known = entries_.find({user, client});
    return known != entries_.end() && now - known->second.at < limits::known_place_memory;
}

} // namespace tarpon::server
