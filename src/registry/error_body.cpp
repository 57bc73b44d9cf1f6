// See error_body.hpp.
#include "registry/error_body.hpp"

#include "model/strict_json.hpp"
#include "model/text.hpp"

#include <boost/json/array.hpp>

namespace tarpon::registry {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& object, std::string_view key) {
    auto text = string_member(object, key);
    return text && *text ? foreign_text(**text) : std::string();
}

registry_words words_of(const json::object& object) {
    registry_words words;
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

errc code_for(int status, std::string_view registry_code) {
    switch (status) {
    case 401:
        return errc::registry_unauthorized;
    case 403:
        return errc::registry_denied;
    case 404:
        return errc::registry_not_found;
    case 413:
        return errc::registry_too_large;
    default:
        break;
    }
    if (registry_code == "DENIED")
        return errc::registry_denied;
    if (registry_code == "UNAUTHORIZED")
        return errc::registry_unauthorized;
    if (registry_code == "NAME_UNKNOWN")
        return errc::registry_not_found;
    if (status >= 500)
        return errc::registry_failed;
    if (status >= 400)
        return errc::registry_refused;
    return errc::registry_protocol;
}

std::string hint_for(errc code, const asked& request) {
    switch (code) {
    case errc::registry_unauthorized:
        return concat(
            "log in with --username USER --password-stdin; ", request.host,
            " decides who may push");
    case errc::registry_denied:
        return concat(
            "use an account that may push to ",
            request.repository.empty() ? request.host : request.repository);
    default:
        return {};
    }
}

} // namespace

registry_words read_error_body(std::string_view content_type, std::string_view body) {
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

error refusal(const transport::http_response& response, const asked& request) {
    const auto words = read_error_body(response.header("Content-Type"), response.body);
    const errc code = code_for(response.status, words.code);
    std::string cause = std::to_string(response.status);
    if (!words.code.empty())
        cause += concat(" ", words.code);
    if (!words.message.empty())
        cause += concat(" \"", words.message, "\"");
    const bool odd = code == errc::registry_protocol;
    std::string message = concat(
        request.host,
        odd                             ? " gave an answer that is not in the protocol when asked "
        : code == errc::registry_failed ? " failed "
                                        : " refused ",
        request.what);
    if (!request.repository.empty())
        message += concat(" in ", request.repository);
    return error(code, std::move(message), std::move(cause), hint_for(code, request))
        .with_status(response.status);
}

} // namespace tarpon::registry
