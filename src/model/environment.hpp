// The process's environment behind a function, so that code which reads it can be tested.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace tarpon {

/// Looks a variable up; nullopt when it is not set.
using environment_lookup = std::function<std::optional<std::string>(const std::string&)>;

std::optional<std::string> process_environment(const std::string& name);

} // namespace tarpon
