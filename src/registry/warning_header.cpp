// See warning_header.hpp.
#include "registry/warning_header.hpp"

#include "model/text.hpp"

#include <optional>

namespace tarpon::registry {
namespace {

std::string_view take_word(std::string_view& text) {
    const std::size_t end = text.find_first_of(" \t");
    const std::string_view word = text.substr(0, end);
    text = end == text.npos ? std::string_view() : trim(text.substr(end));
    return word;
}

/// A quoted string at the front, without its quotes and escapes; nullopt if there is none.
std::optional<std::string> take_quoted(std::string_view& text) {
    if (!text.starts_with('"'))
        return std::nullopt;
    std::string content;
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at] == '"') {
            text = trim(text.substr(at + 1));
            return content;
        }
        if (text[at] == '\\' && at + 1 < text.size())
            ++at;
        content.push_back(text[at]);
    }
    return std::nullopt;
}

/// warning-value *( "," warning-value ), each: code SP agent SP text [SP date].
void read_list(std::string_view text, std::vector<std::string>& into) {
    text = trim(text);
    while (!text.empty()) {
        const std::string_view code = take_word(text);
        take_word(text); // the agent
        const auto words = take_quoted(text);
        if (!words)
            return;
        if (text.starts_with('"') && !take_quoted(text)) // the date
            return;
        std::string shown = foreign_text(*words);
        if (code == "299" && !shown.empty())
            into.push_back(std::move(shown));
        if (!text.starts_with(','))
            return;
        text = trim(text.substr(1));
    }
}

} // namespace

std::vector<std::string> read_warnings(const transport::http_response& response) {
    std::vector<std::string> all;
    for (const auto& [name, value] : response.headers)
        if (iequals(name, "Warning") && value.size() <= limits::warning_bytes_max)
            read_list(value, all);
    return all;
}

std::vector<std::string> warning_notes::news(const transport::http_response& response) {
    std::vector<std::string> fresh;
    for (std::string& text : read_warnings(response))
        if (told_.size() < limits::warnings_max && told_.insert(text).second)
            fresh.push_back(std::move(text));
    return fresh;
}

} // namespace tarpon::registry
