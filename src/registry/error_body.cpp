// See error_body.hpp.
#include "registry/error_body.hpp"

#include "model/text.hpp"
#include "transport/server_words.hpp"

namespace tarpon::registry {
namespace {

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
    case errc::registry_too_large:
        return "--chunk-size 1M sends in chunks; or raise the proxy's limit on request bodies";
    default:
        return {};
    }
}

} // namespace

std::string described(const asked& request) {
    std::string text = concat(request.host, ", ", request.what);
    if (!request.repository.empty())
        text += concat(" in ", request.repository);
    return text;
}

error refusal(const transport::http_response& response, const asked& request) {
    const auto words = transport::read_error_body(response.header("Content-Type"), response.body);
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
