// See error_body.hpp.
#include "registry/error_body.hpp"

#include "model/text.hpp"
#include "transport/server_words.hpp"

namespace tarpon::registry {
namespace {

/// Registries have no code for a full project, and Harbor says DENIED: only the words tell. A rate
/// is called a quota too.
bool is_quota(int status, const transport::server_words& words) {
    if (status == 429 || status >= 500)
        return false;
    const std::string text = to_lower(concat(words.code, " ", words.message));
    return text.find("quota") != text.npos
           || text.find("exceed the configured upper limit") != text.npos;
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

/// "123456789012.dkr.ecr.eu-west-1.amazonaws.com" -> "eu-west-1"; empty for other registries.
std::string_view ecr_region(std::string_view host) {
    const std::size_t at = host.find(".dkr.ecr.");
    if (at == host.npos || host.find(".amazonaws.com") == host.npos)
        return {};
    const std::string_view rest = host.substr(at + std::string_view(".dkr.ecr.").size());
    return rest.substr(0, rest.find('.'));
}

std::string hint_for_unknown_name(std::string_view registry_code, const asked& request) {
    if (registry_code != "NAME_UNKNOWN" || request.repository.empty())
        return {};
    const std::string_view region = ecr_region(request.host);
    if (!region.empty())
        return concat(
            "aws ecr create-repository --region ", region, " --repository-name ",
            request.repository);
    return concat(
        "create the repository ", request.repository, " (or the project it belongs to) in ",
        request.host, " first");
}

std::string hint_for_denied(const asked& request) {
    if (request.host == "docker.io" && request.repository.starts_with("library/"))
        return "names on Docker Hub begin with the user or the organisation: --to "
               "docker.io/USER/NAME:TAG";
    return concat(
        "use an account that may push to ",
        request.repository.empty() ? request.host : request.repository);
}

/// Of a redirect that is not followed: where it leads, without the query.
std::optional<transport::url> target_of(const transport::http_response& response) {
    if (response.status < 300 || response.status > 399)
        return std::nullopt;
    const auto leads_to = transport::parse_url(response.header("Location"));
    return leads_to ? std::optional(*leads_to) : std::nullopt;
}

std::string hint_for(errc code, std::string_view registry_code, const asked& request) {
    switch (code) {
    case errc::registry_not_found:
        return hint_for_unknown_name(registry_code, request);
    case errc::registry_unauthorized:
        return concat(
            "log in with --username USER --password-stdin; ", request.host,
            " decides who may push");
    case errc::registry_denied:
        return hint_for_denied(request);
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
    const bool quota = is_quota(response.status, words);
    const errc code = quota ? errc::registry_refused : code_for(response.status, words.code);
    std::string cause = std::to_string(response.status);
    if (!words.code.empty())
        cause += concat(" ", words.code);
    if (!words.message.empty())
        cause += concat(" \"", words.message, "\"");
    if (const auto leads_to = target_of(response))
        cause += concat(" to ", leads_to->redacted());
    const bool odd = code == errc::registry_protocol;
    std::string message = concat(
        request.host,
        odd                             ? " gave an answer that is not in the protocol when asked "
        : code == errc::registry_failed ? " failed "
                                        : " refused ",
        request.what);
    if (!request.repository.empty())
        message += concat(" in ", request.repository);
    std::string hint =
        quota ? concat(
            "make room in ", request.repository.empty() ? request.host : request.repository,
            ", or have its quota raised")
              : hint_for(code, words.code, request);
    return error(code, std::move(message), std::move(cause), std::move(hint))
        .with_status(response.status);
}

} // namespace tarpon::registry
