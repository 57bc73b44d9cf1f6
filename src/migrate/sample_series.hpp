// How far a run was over time, in a bounded number of points: when there are too many, every other
// one goes, and points come half as often. Pure.
#pragma once

#include <tarpon/migrate.hpp>

#include <cstddef>
#include <vector>

namespace tarpon::migration {

class sample_series {
public:
    explicit sample_series(std::size_t points_max = 1'000)
        : points_max_(points_max) {}

    void add(const migrate_sample& now) {
        if (!points_.empty() && now.seconds < points_.back().seconds + interval_)
            return;
        points_.push_back(now);
        if (points_.size() >= points_max_)
            thin_out();
    }
    /// The last one counts whenever it comes.
    std::vector<migrate_sample> finish(const migrate_sample& last) {
        if (!points_.empty() && points_.back().seconds >= last.seconds)
            points_.pop_back();
        points_.push_back(last);
        return std::move(points_);
    }

private:
    void thin_out() {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < points_.size(); i += 2)
            points_[kept++] = points_[i];
        points_.resize(kept);
        interval_ *= 2;
    }

    std::size_t points_max_;
    double interval_ = 0.2;
    std::vector<migrate_sample> points_;
};

} // namespace tarpon::migration
