// In which order archives are pushed. Pure.
//
// Largest first, so that no large one is left alone at the end; but some hands take from the other
// end, so that small images need not wait for large ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace tarpon::migration {

enum class queue_end { largest, smallest };

class work_queue {
public:
    void add(std::size_t archive, std::uint64_t bytes) { waiting_.emplace_back(bytes, archive); }
    /// After the last add(). Archives of one size keep their order.
    void sort() {
        std::stable_sort(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
            return a.first > b.first;
        });
    }
    std::optional<std::size_t> take(queue_end from) {
        if (waiting_.empty())
            return std::nullopt;
        const bool front = from == queue_end::largest;
        const std::size_t archive = (front ? waiting_.front() : waiting_.back()).second;
        front ? waiting_.pop_front() : waiting_.pop_back();
        return archive;
    }
    bool empty() const noexcept { return waiting_.empty(); }

private:
    std::deque<std::pair<std::uint64_t, std::size_t>> waiting_;
};

} // namespace tarpon::migration
