// How options are declared, and where their values came from: the command line or the environment.
//
// Every long option has a variable by one rule: --dry-run is TARPON_DRY_RUN. What is typed comes
// before the environment, and only the options of the verb that was given look at it.
#pragma once

#include <tarpon/error.hpp>

#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace tarpon::cli {

/// Adds "--name[,more]"; `shows` stands for its value in the help ("FILE", "N").
template <class Value>
CLI::Option* add_option(
    CLI::App& verb,
    const std::string& names,
    const std::string& shows,
    Value& value,
    const std::string& help) {
    return verb.add_option(names, value, help)->option_text(shows);
}

/// The same for an option that may be given several times, with one value each time.
template <class Value>
CLI::Option* add_repeatable(
    CLI::App& verb,
    const std::string& names,
    const std::string& shows,
    std::vector<Value>& values,
    const std::string& help) {
    return add_option(verb, names, shows, values, help + " (repeatable)")->allow_extra_args(false);
}

/// The values of a verb's options, once the environment has been asked for what was not typed.
class value_sources {
public:
    /// Takes TARPON_* for the options of `verb`, which has been parsed, into their variables.
    /// A variable is left alone when the option that excludes it was typed (--to, --registry).
    /// Throws errc::usage with the name of the variable.
    explicit value_sources(CLI::App& verb);

    bool from_environment(std::string_view option) const;
    const std::set<std::string, std::less<>>& all_from_environment() const noexcept {
        return from_environment_;
    }
    /// Typed, or in the environment.
    bool given(std::string_view option) const;
    /// What the user wrote: "--jobs" or "TARPON_JOBS".
    std::string name(std::string_view option) const;

private:
    std::set<std::string, std::less<>> typed_;
    std::set<std::string, std::less<>> from_environment_;
};

/// "dry-run" -> "TARPON_DRY_RUN".
std::string environment_name(std::string_view option);

/// The library knows options only: a message that says --registry says TARPON_REGISTRY to who set
/// that. Hints stay as they are, they are to be typed.
error as_it_was_set(const error& what, const std::set<std::string, std::less<>>& from_environment);

/// parse_size; its error begins with `name`.
std::uint64_t size_of(const std::string& name, const std::string& text);

/// "90s", "15m", "24h", "7d"; a bare number is seconds. errc::usage, beginning with `name`.
std::chrono::seconds duration_of(const std::string& name, std::string_view text);

/// A password in an address would come back in errors and logs: errc::usage, and not even that
/// repeats it. A digest may stand behind an '@'.
void refuse_userinfo(const std::string& name, std::string_view text);

/// errc::usage: `text` of the option `name` is none of these.
[[noreturn]] void
refuse_choice(const std::string& name, std::string_view text, const std::string& choices);

/// What `text` means. Throws errc::usage with the choices; those of one letter are not listed.
template <class Value>
Value choose(
    const std::map<std::string, Value>& choices, const std::string& text, const std::string& name) {
    if (const auto found = choices.find(text); found != choices.end())
        return found->second;
    std::string names;
    for (const auto& [one, value] : choices)
        if (one.size() > 1)
            names += (names.empty() ? "" : ", ") + one;
    refuse_choice(name, text, names);
}

} // namespace tarpon::cli
