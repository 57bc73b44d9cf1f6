// The options of tarpon push.
#pragma once

#include "cli/args.hpp"
#include "cli/output_options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tarpon::cli {

/// Texts of options that become other types after parsing.
struct push_texts {
    std::string compression = "auto";
    std::string format = "auto";
    std::string missing = "error";
    std::string memory;
    std::string chunk_size = "auto";
    std::string limit_rate;
    bool no_state = false;
    std::vector<std::string> map;
    output_texts output;
};

/// Declares them; parsing fills `push` and `texts`, which must outlive it.
void add_push(CLI::App& verb, push_command& push, push_texts& texts);

/// Those of them that concern many archives as well as one: all but the archives and their names.
void add_push_options(CLI::App& verb, push_command& push, push_texts& texts);

/// Standard input has one reader: one of `inputs`, called `name` there, or the password.
/// `what`: what it carries then. Throws errc::usage.
void check_stdin(
    const std::vector<std::string>& inputs,
    std::string_view name,
    std::string_view what,
    bool password_too);

/// After parsing: turns the texts into values, and checks what can be wrong between options.
/// Throws errc::usage.
void finish_push(push_command& push, const push_texts& texts, const value_sources& sources);

} // namespace tarpon::cli
