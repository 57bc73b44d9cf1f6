// See store_gate.hpp.
#include "server/store_gate.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::server {
namespace {

std::string key_of(std::string_view repository, const digest& content) {
    return concat(repository, "@", content.str());
}

} // namespace

std::shared_lock<std::shared_mutex> store_gate::enter() {
    const std::lock_guard turn(entrance_);
    return std::shared_lock(inside_);
}

std::unique_lock<std::shared_mutex> store_gate::alone() {
    // Held while waiting: those inside leave, and nobody new comes in before.
    const std::lock_guard turn(entrance_);
    return std::unique_lock(inside_);
}

void store_gate::rely_on(std::string_view repository, const digest& content) {
    const std::lock_guard guard(mutex_);
    if (!watched_ || too_many_)
        return;
    if (relied_on_.size() >= limits::collector_memory_max) {
        too_many_ = true;
        relied_on_.clear();
        return;
    }
    relied_on_.insert(key_of(repository, content));
    relied_on_.insert(key_of({}, content));
}

store_gate::watch::watch(store_gate& gate)
    : gate_(gate) {
    const auto nobody_inside = gate_.alone();
    const std::lock_guard guard(gate_.mutex_);
    gate_.watched_ = true;
    gate_.too_many_ = false;
}

store_gate::watch::~watch() {
    const std::lock_guard guard(gate_.mutex_);
    gate_.watched_ = false;
    gate_.relied_on_.clear();
}

bool store_gate::watch::relied_on(std::string_view repository, const digest& content) const {
    const std::lock_guard guard(gate_.mutex_);
    return gate_.too_many_ || gate_.relied_on_.contains(key_of(repository, content));
}

} // namespace tarpon::server
