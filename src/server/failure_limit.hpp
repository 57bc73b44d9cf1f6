// How many wrong passwords somebody may send. Pure: the caller says what time it is.
//
// Each name (a client's address, a user) may fail a few times at once; after that once in each
// interval. A try is counted before it is made, so that many at the same time do not all get
// through, and taken back when it turns out right.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

namespace tarpon::server {

class failure_limit {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// `burst` tries at once, one more after each `interval`; `names_max` are remembered, the one
    /// that failed longest ago is forgotten first.
    failure_limit(int burst, std::chrono::seconds interval, std::size_t names_max)
        : burst_(burst)
        , interval_(interval)
        , names_max_(names_max) {}

    /// How long until `name` may try again; zero: now.
    std::chrono::seconds wait_for(const std::string& name, time_point now) const;
    void count(const std::string& name, time_point now);
    void take_back(const std::string& name);
    std::size_t names() const noexcept { return known_.size(); }

private:
    struct record {
        time_point forgiven_at; ///< when everything that counts now is forgiven
        std::list<std::string>::iterator place;
    };
    using record_map = std::unordered_map<std::string, record>;

    void forget(record_map::iterator known);

    int burst_;
    std::chrono::seconds interval_;
    std::size_t names_max_;
    record_map known_;
    std::list<std::string> by_age_; ///< the one that failed last is at the end
};

} // namespace tarpon::server
