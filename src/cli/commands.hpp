// The verbs of the program. Each returns its exit code.
#pragma once

#include "cli/args.hpp"

namespace tarpon::cli {

int run(const push_command& command);
int run(const migrate_command& command);
int run(const inspect_command& command);
int run(const login_command& command);
int run(const serve_command& command);
int run(const print_command& command);

} // namespace tarpon::cli
