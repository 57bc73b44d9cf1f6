// See options.hpp. CLI11's own variables are not used: it reads those of every verb, and says
// neither that a value came from one nor which.
#include "cli/options.hpp"

#include "cli/args.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

namespace tarpon::cli {
namespace {

/// One of them typed, the other's variable does not count.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> rivals{
    {{"registry", "to"}, {"registry", "storage"}, {"password", "password-stdin"}}};

bool rival_typed(const std::set<std::string, std::less<>>& typed, std::string_view option) {
    return std::any_of(rivals.begin(), rivals.end(), [&](const auto& pair) {
        return (pair.first == option && typed.contains(pair.second))
               || (pair.second == option && typed.contains(pair.first));
    });
}

/// The long name; empty for arguments without dashes and for --help.
std::string name_of(const CLI::Option& option) {
    const std::vector<std::string>& names = option.get_lnames();
    return names.empty() || names.front() == "help" ? std::string() : names.front();
}

/// Gives the option the variable's value as if it had been typed. A value that is none is shown
/// only where it had to be a number: others may be secrets.
void take(CLI::Option& option, const std::string& variable, const std::string& value) {
    try {
        option.add_result(value);
        option.run_callback();
    } catch (const CLI::ValidationError& e) {
        const std::string words = e.what();
        const std::string prefix = option.get_name() + ": ";
        throw error(
            errc::usage,
            concat(
                variable, ": ",
                foreign_text(words.starts_with(prefix) ? words.substr(prefix.size()) : words)));
    } catch (const CLI::ParseError&) {
        throw error(
            errc::usage, concat(
                             variable, option.get_items_expected_max() == 0
                                           ? " is neither true nor false"
                                           : " has a value that cannot be used"));
    }
}

} // namespace

std::string environment_name(std::string_view option) {
    std::string name = "TARPON_";
    for (const char c : option)
        name.push_back(
            c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    return name;
}

value_sources::value_sources(CLI::App& verb) {
    for (const CLI::Option* option : verb.get_options())
        if (option->count() > 0)
            typed_.insert(name_of(*option));
    for (CLI::Option* option : verb.get_options()) {
        const std::string name = name_of(*option);
        if (name.empty() || typed_.contains(name) || rival_typed(typed_, name))
            continue;
        const std::string variable = environment_name(name);
        const char* const value = std::getenv(variable.c_str());
        if (!value || !*value)
            continue;
        take(*option, variable, value);
        from_environment_.insert(name);
    }
}

bool value_sources::from_environment(std::string_view option) const {
    return from_environment_.contains(option);
}

bool value_sources::given(std::string_view option) const {
    return typed_.contains(option) || from_environment(option);
}

std::string value_sources::name(std::string_view option) const {
    return from_environment(option) ? environment_name(option) : concat("--", option);
}

error as_it_was_set(const error& what, const std::set<std::string, std::less<>>& from_environment) {
    std::string message = what.message();
    for (const std::string& option : from_environment) {
        const std::string dashed = concat("--", option), variable = environment_name(option);
        for (std::size_t at = message.find(dashed); at != message.npos;
             at = message.find(dashed, at + 1)) {
            const std::string_view next = std::string_view(message).substr(at + dashed.size(), 1);
            const bool longer = !next.empty() && (next == "-" || std::isalnum(next.front() & 0x7f));
            const bool inside = at > 0 && message[at - 1] == '-';
            if (!longer && !inside)
                message.replace(at, dashed.size(), variable);
        }
    }
    return error(what.code(), std::move(message), what.cause(), what.hint())
        .with_status(what.http_status());
}

std::uint64_t size_of(const std::string& name, const std::string& text) {
    try {
        return parse_size(text);
    } catch (error& e) {
        throw e.in(name);
    }
}

std::chrono::seconds duration_of(const std::string& name, std::string_view text) {
    std::uint64_t unit = 1;
    std::string_view digits = text;
    constexpr std::pair<char, std::uint64_t> units[] = {
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    for (const auto& [letter, seconds] : units)
        if (!text.empty() && text.back() == letter) {
            unit = seconds;
            digits.remove_suffix(1);
        }
    constexpr std::uint64_t seconds_max = 100ull * 365 * 86400;
    const auto count = parse_decimal(digits);
    if (!count || *count > seconds_max / unit)
        throw error(
            errc::usage,
            concat(name, " ", foreign_text(text, 80), ": must be a time like 90s, 15m, 24h or 7d"));
    return std::chrono::seconds(static_cast<std::int64_t>(*count * unit));
}

void refuse_userinfo(const std::string& name, std::string_view text) {
    for (std::size_t at = text.find('@'); at != text.npos; at = text.find('@', at + 1)) {
        const std::string_view after = text.substr(at + 1);
        if (!after.starts_with("sha256:") && !after.starts_with("sha512:"))
            throw error(
                errc::usage,
                concat(name, ": what stands before '@' does not belong into an address"), {},
                "--username NAME --password-stdin");
    }
}

void refuse_choice(const std::string& name, std::string_view text, const std::string& choices) {
    throw error(
        errc::usage, concat(name, " ", foreign_text(text, 80), ": must be one of ", choices));
}

} // namespace tarpon::cli
