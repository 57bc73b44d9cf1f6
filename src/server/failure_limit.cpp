// See failure_limit.hpp. A failure moves the end of its name's debt by one interval; the debt may
// be as long as the burst.
#include "server/failure_limit.hpp"

#include <algorithm>

namespace tarpon::server {

std::chrono::seconds failure_limit::wait_for(const std::string& name, time_point now) const {
    const auto known = known_.find(name);
    if (known == known_.end())
        return {};
    const auto next_at = known->second.forgiven_at - interval_ * (burst_ - 1);
    return next_at <= now ? std::chrono::seconds{}
                          : std::chrono::ceil<std::chrono::seconds>(next_at - now);
}

void failure_limit::count(const std::string& name, time_point now) {
    auto known = known_.find(name);
    if (known == known_.end()) {
        if (known_.size() >= names_max_)
            forget(known_.find(by_age_.front()));
        by_age_.push_back(name);
        known = known_.emplace(name, record{now, std::prev(by_age_.end())}).first;
    } else {
        by_age_.splice(by_age_.end(), by_age_, known->second.place);
    }
    known->second.forgiven_at = std::max(known->second.forgiven_at, now) + interval_;
}

void failure_limit::take_back(const std::string& name) {
    // Forgotten meanwhile: nothing counts against it any more.
    if (const auto known = known_.find(name); known != known_.end())
        known->second.forgiven_at -= interval_;
}

void failure_limit::forget(record_map::iterator known) {
    by_age_.erase(known->second.place);
    known_.erase(known);
}

} // namespace tarpon::server
