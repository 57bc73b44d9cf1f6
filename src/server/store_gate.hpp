// Keeps pushes and the collector apart: what a push was promised is not removed under its hands.
//
// Who looks a blob up for a push, adds one, or writes a manifest is inside the gate meanwhile, and
// says what it relies on. Who removes something is alone. Between its look at the storage and its
// removals the collector keeps a `watch`: whatever was relied on since then stays. So the answer
// to "may this go?" needs no clock, and no lock is held while the storage is read.
// Blocking, thread-safe; nobody enters twice.
#pragma once

#include <tarpon/digest.hpp>

#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace tarpon::server {

class store_gate {
public:
    /// Many at a time. Who waits to be alone goes first.
    std::shared_lock<std::shared_mutex> enter();
    std::unique_lock<std::shared_mutex> alone();

    /// The caller, who is inside, relies on this content in this repository.
    void rely_on(std::string_view repository, const digest& content);

    /// What is relied on from now on. One at a time; made and asked by the collector.
    class watch {
    public:
        /// Waits until all who are inside have left, so that what they wrote is there to be read.
        explicit watch(store_gate& gate);
        ~watch();
        watch(const watch&) = delete;
        watch& operator=(const watch&) = delete;

        /// By somebody, in this repository. The caller is alone.
        bool relied_on(std::string_view repository, const digest& content) const;
        /// In any repository.
        bool relied_on(const digest& content) const { return relied_on({}, content); }

    private:
        store_gate& gate_;
    };

private:
    std::mutex entrance_;
    std::shared_mutex inside_;
    std::mutex mutex_;
    bool watched_ = false;
    bool too_many_ = false; // to remember: everything counts as relied on
    std::unordered_set<std::string> relied_on_;
};

} // namespace tarpon::server
