// Standard input, which users and events call "-".
#pragma once

#include <string>

namespace tarpon {

/// An archive's name as messages have it: "standard input", or the path without control characters.
std::string shown_name(const std::string& archive);

/// false: it is closed, or open for writing only; the program holds a closed one's place that way.
bool standard_input_is_open() noexcept;

} // namespace tarpon
