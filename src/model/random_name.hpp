// Names that nobody can guess and nobody else has.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace tarpon {

/// `bytes` random bytes (32 at most) as lower-case hex; nullopt: the system gives none.
std::optional<std::string> random_name(std::size_t bytes);

} // namespace tarpon
