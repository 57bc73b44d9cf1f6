// Which archives are pushed at the same time: those of one round. Pure.
//
// Two that write the same image under one reference are in different rounds, so that the second
// finds what the first one sent; so are several entries of one file, because events name the file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tarpon::migration {

class push_rounds {
public:
    /// Once for each archive; later calls change nothing. `file`: a number of the file it is in.
    /// `before`: archives placed before it that write something it writes too.
    void place(std::size_t archive, std::size_t file, const std::vector<std::size_t>& before) {
        int& mine = at(rounds_, archive);
        if (mine >= 0)
            return;
        int round = std::max(at(last_of_file_, file) + 1, 0);
        for (const std::size_t other : before)
            round = std::max(round, of(other) + 1);
        rounds_[archive] = round;
        last_of_file_[file] = round;
        count_ = std::max(count_, round + 1);
    }
    /// -1 for one that was not placed.
    int of(std::size_t archive) const {
        return archive < rounds_.size() ? rounds_[archive] : not_placed;
    }
    int count() const noexcept { return count_; }

private:
    static constexpr int not_placed = -1;

    static int& at(std::vector<int>& all, std::size_t position) {
        if (position >= all.size())
            all.resize(position + 1, not_placed);
        return all[position];
    }

    std::vector<int> rounds_;
    std::vector<int> last_of_file_;
    int count_ = 0;
};

} // namespace tarpon::migration
