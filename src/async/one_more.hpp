// A count of what exists at the moment: one more for as long as this does.
#pragma once

#include <cstddef>

namespace tarpon::async {

class one_more {
public:
    /// `count` outlives this.
    explicit one_more(std::size_t& count) noexcept
        : count_(count) {
        ++count_;
    }
    ~one_more() { --count_; }
    one_more(const one_more&) = delete;
    one_more& operator=(const one_more&) = delete;

private:
    std::size_t& count_;
};

} // namespace tarpon::async
