// Is there anything to be read from standard input?
#pragma once

namespace tarpon {

/// false: it is closed, or open for writing only; the program holds a closed one's place that way.
bool standard_input_is_open() noexcept;

} // namespace tarpon
