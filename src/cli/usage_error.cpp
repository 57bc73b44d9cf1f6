// See usage_error.hpp.
#include "cli/usage_error.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tarpon::cli {
namespace {

/// How many letters have to be changed, added or left out to make one of the other.
std::size_t distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < left.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < right.size(); ++j) {
            const std::size_t change = diagonal + (left[i] == right[j] ? 0 : 1);
            diagonal = std::exchange(row[j + 1], std::min({change, row[j] + 1, row[j + 1] + 1}));
        }
    }
    return row.back();
}

/// An option with its value left out: that may be a password.
std::string name_of_option(std::string_view text) {
    return foreign_text(text.substr(0, text.find('=')), 40);
}

/// The known option that `name` nearly is; empty if none.
std::string near_option(const CLI::App& verb, const std::string& name) {
    if (name.size() > 4)
        for (const CLI::Option* known : verb.get_options())
            for (const std::string& other : known->get_lnames())
                if (distance(std::string_view(name).substr(2), other) <= 2)
                    return concat("--", other);
    return {};
}

/// A word too many on the line of a verb.
std::string too_many(const std::string& verb) {
    if (verb == "inspect")
        return "tarpon inspect takes one archive, and there are more";
    if (verb == "login" || verb == "logout")
        return concat("tarpon ", verb, " takes one host, and there are more");
    return concat("tarpon ", verb, " takes options only");
}

/// Names one thing of the line that does not belong there.
std::string unexpected(const CLI::App& app, std::string& hint) {
    const auto is_option = [](const std::string& one) {
        return one.starts_with('-');
    };
    const auto parsed = app.get_subcommands();
    const std::vector<std::string> before = app.remaining(false);
    if (parsed.empty())
        return is_option(before.front())
                   ? concat("there is no option ", name_of_option(before.front()))
                   : concat("there is no verb \"", foreign_text(before.front(), 40), "\"");
    const std::string verb = concat("tarpon ", parsed.front()->get_name());
    if (!before.empty())
        return is_option(before.front())
                   ? concat(
                       "options come after the verb: ", verb, " ", name_of_option(before.front()))
                   : concat("nothing may stand before the verb ", parsed.front()->get_name());
    const std::vector<std::string> left = parsed.front()->remaining(true);
    const auto option = std::find_if(left.begin(), left.end(), is_option);
    if (option == left.end())
        return too_many(parsed.front()->get_name());
    const std::string name = name_of_option(*option);
    const std::string near = near_option(*parsed.front(), name);
    if (!near.empty())
        hint = concat(near, " is one; ", hint);
    return concat(verb, " has no option ", name);
}

/// "Could not convert: --password-stdin = hunter2" -> "--password-stdin". Numbers are checked
/// before they are converted, so that what cannot be converted is the value of a flag.
std::string flag_with_value(std::string_view words) {
    const std::size_t colon = words.find(": ");
    const std::string_view name = colon == words.npos ? words : words.substr(colon + 2);
    return foreign_text(name.substr(0, name.find(' ')), 40);
}

} // namespace

error usage_error(const CLI::App& app, const CLI::ParseError& e) {
    const auto parsed = app.get_subcommands();
    const std::string verb =
        parsed.empty() ? "tarpon" : concat("tarpon ", parsed.front()->get_name());
    std::string hint = concat(verb, " --help");
    std::string message = foreign_text(e.what());
    const auto is = [&e](CLI::ExitCodes code) {
        return e.get_exit_code() == static_cast<int>(code);
    };
    if (is(CLI::ExitCodes::ExtrasError) || (parsed.empty() && !app.remaining(false).empty()))
        message = unexpected(app, hint);
    else if (parsed.empty())
        message = "a verb is missing: push, inspect, login, logout or serve";
    else if (is(CLI::ExitCodes::ConversionError))
        message = concat(flag_with_value(e.what()), " takes no value");
    else if (is(CLI::ExitCodes::ArgumentMismatch) && message.find(" required ") != message.npos)
        message = concat(message.substr(0, message.find(": ")), " needs a value");
    else if (is(CLI::ExitCodes::RequiredError))
        message = concat(verb, " needs an archive");
    return error(errc::usage, std::move(message), {}, std::move(hint));
}

} // namespace tarpon::cli
