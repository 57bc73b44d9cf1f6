// The options of tarpon migrate: those of push, and its own.
#pragma once

#include "cli/push_options.hpp"

#include <string>

namespace tarpon::cli {

struct migrate_texts {
    push_texts push;
    std::string shard;
    bool keep_going = false;
};

/// As add_push and finish_push.
void add_migrate(CLI::App& verb, migrate_command& migrate, migrate_texts& texts);
void finish_migrate(
    migrate_command& migrate, const migrate_texts& texts, const value_sources& sources);

} // namespace tarpon::cli
