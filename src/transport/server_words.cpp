// See server_words.hpp.
#include "transport/server_words.hpp"

#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <boost/json/array.hpp>

namespace tarpon::transport {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view key) {
    auto text = string_member(object, key);
    return text && *text ? foreign_text(**text) : std::string();
}

server_words words_of(const json::object& object) {
    server_words words;
    words.code = text_of(object, "code");
    for (const char* key : {"message", "error_description", "error", "detail", "details"})
        if (words.message.empty())
            words.message = text_of(object, key);
    return words;
}

std::string without_tags(std::string_view html) {
    std::string text;
    bool in_tag = false;
    for (const char c : html) {
        if (c == '<')
            in_tag = true;
        else if (c == '>')
            in_tag = false;
        else if (!in_tag)
            text.push_back(c);
        if (c == '>')
            text.push_back(' ');
    }
    return text;
}

bool looks_like_html(std::string_view content_type, std::string_view body) {
    return to_lower(content_type).starts_with("text/html")
           || body.substr(0, 256).find("<html") != body.npos
           || body.substr(0, 256).find("<!DOCTYPE") != body.npos;
}

} // namespace

server_words read_error_body(std::string_view content_type, std::string_view body) {
    if (const auto value = parse_strict_json(body); value && value->is_object()) {
        const json::object& object = value->get_object();
        const json::value* errors = object.if_contains("errors");
        if (errors && errors->is_array() && !errors->get_array().empty()
            && errors->get_array()[0].is_object()) {
            auto words = words_of(errors->get_array()[0].get_object());
            if (const json::value* detail =
                    errors->get_array()[0].get_object().if_contains("detail");
                detail && detail->is_string()
                && words.message != foreign_text(std::string_view(detail->get_string())))
                words.message += concat(
                    words.message.empty() ? "" : ": ",
                    foreign_text(std::string_view(detail->get_string())));
            return words;
        }
        return words_of(object);
    }
    if (looks_like_html(content_type, body))
        return {{}, foreign_text(without_tags(body), 200)};
    return {{}, foreign_text(body, 400)};
}

} // namespace tarpon::transport
