// See shared_blobs.hpp.
#include "engine/shared_blobs.hpp"

#include <algorithm>

namespace tarpon::engine {

namespace asio = boost::asio;

shared_blobs::turn::turn(turn&& other) noexcept
    : in_(std::exchange(other.in_, nullptr))
    , at_(std::exchange(other.at_, nullptr))
    , mine_(std::exchange(other.mine_, false))
    , brings_(std::exchange(other.brings_, {})) {}

shared_blobs::turn::~turn() {
    if (!at_)
        return;
    if (mine_ && at_->second.now == state::under_way)
        at_->second.now = state::absent;
    for (const std::string& repository : brings_)
        at_->second.coming.erase(repository);
    in_->changed_.notify_all();
}

void shared_blobs::turn::done(const blob_facts& facts, const std::string& repository) {
    if (!at_)
        return;
    entry& one = at_->second;
    if (one.now != state::there)
        one.facts = facts;
    // Two archives may come to other bytes (a compression that was reused): the first ones count.
    if (one.facts.content.digest == facts.content.digest)
        one.repositories.insert(repository);
    one.now = state::there;
    in_->changed_.notify_all();
}

asio::awaitable<shared_blobs::turn>
shared_blobs::take(std::string host, std::string identity, std::vector<std::string> wanted_in) {
    key wanted(std::move(host), std::move(identity));
    auto& at = *entries_.try_emplace(std::move(wanted)).first;
    const auto is_coming = [&at](const std::string& repository) {
        return at.second.coming.contains(repository);
    };
    // All repositories at once: who held one and waited for another might wait for ever.
    while (at.second.now == state::under_way
           || std::any_of(wanted_in.begin(), wanted_in.end(), is_coming))
        co_await changed_.wait();
    const bool mine = at.second.now == state::absent;
    if (mine)
        at.second.now = state::under_way;
    std::erase_if(wanted_in, [&at](const std::string& repository) {
        return at.second.repositories.contains(repository);
    });
    at.second.coming.insert(wanted_in.begin(), wanted_in.end());
    co_return turn(*this, at, mine, std::move(wanted_in));
}

bool shared_blobs::is_new(const std::string& host, const std::string& identity) {
    return entries_.try_emplace(key(host, identity)).second;
}

} // namespace tarpon::engine
