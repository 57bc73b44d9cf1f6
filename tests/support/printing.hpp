// How Boost.Test prints tarpon's values.
#pragma once

#include <tarpon/digest.hpp>

#include <ostream>

namespace tarpon {

inline std::ostream& operator<<(std::ostream& out, const digest& value) {
    return out << value.str();
}

inline std::ostream& operator<<(std::ostream& out, errc code) {
    return out << make_error_code(code).message();
}

} // namespace tarpon
