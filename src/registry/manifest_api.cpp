// See manifest_api.hpp.
#include "registry/manifest_api.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "transport/server_words.hpp"

#include <tarpon/limits.hpp>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

std::string accepted_types() {
    return concat(
        media_type::oci_index, ", ", media_type::oci_manifest, ", ", media_type::docker_index, ", ",
        media_type::docker_manifest);
}

std::string type_of(const http_response& response) {
    const std::string_view header = response.header("Content-Type");
    return std::string(trim(header.substr(0, header.find(';'))));
}

asio::awaitable<std::optional<http_response>> read_manifest(
    registry_session& registry, const char* method, std::string repository, std::string name) {
    http_request request;
    request.method = method;
    request.to = registry.api(repository, concat("manifests/", name));
    request.headers.emplace_back("Accept", accepted_types());
    request.response_bytes_max = static_cast<std::size_t>(limits::manifest_bytes_max);
    const asked why{concat("to show ", name), registry.host(), repository};
    http_response response = co_await registry.send(std::move(request), why);
    if (response.status >= 500 || response.status == 429)
        throw refusal(response, why);
    if (response.status != 200)
        co_return std::nullopt;
    co_return response;
}

bool refuses_manifest(const http_response& response) {
    const auto words = transport::read_error_body(response.header("Content-Type"), response.body);
    // Old registries answer a type they do not know with 400 and words of their own.
    if (response.status == 415 || (response.status == 400 && words.code.empty()))
        return true;
    return words.code == "MANIFEST_INVALID" || words.code == "UNSUPPORTED"
           || words.code == "MANIFEST_BLOB_UNKNOWN" || words.code == "TAG_INVALID";
}

/// ECR has TAG_INVALID for it, Harbor PRECONDITION, GAR and others DENIED: all say the word.
bool is_immutable_tag(const http_response& response) {
    if (response.status < 400 || response.status >= 500)
        return false;
    const auto words = transport::read_error_body(response.header("Content-Type"), response.body);
    return to_lower(concat(words.code, " ", words.message)).find("immutable") != std::string::npos;
}

/// Who was redirected to has said yes to something; whether the registry has the manifest only the
/// registry knows.
asio::awaitable<void> check_arrived(
    registry_session& registry, std::string repository, std::string name, digest content) {
    const auto found = co_await get_manifest(registry, repository, name);
    if (!found || found->digest != content)
        throw error(
            errc::registry_protocol, concat(
                                         registry.host(), " redirected the manifest ", name, " of ",
                                         repository, ", and does not have it"));
}

error manifest_refusal(const http_response& response, const asked& why) {
    error refused = refusal(response, why);
    if (!refuses_manifest(response))
        return refused;
    return error(errc::registry_manifest_rejected, refused.message(), refused.cause())
        .with_status(response.status);
}

} // namespace

asio::awaitable<std::optional<remote_manifest>>
head_manifest(registry_session& registry, std::string repository, std::string name) {
    const auto response = co_await read_manifest(registry, "HEAD", repository, name);
    if (!response)
        co_return std::nullopt;
    const auto stated = digest::parse(response->header("Docker-Content-Digest"));
    co_return remote_manifest{type_of(*response), stated ? *stated : digest(), {}};
}

asio::awaitable<std::optional<remote_manifest>>
get_manifest(registry_session& registry, std::string repository, std::string name) {
    auto response = co_await read_manifest(registry, "GET", repository, name);
    // Without a length nobody knows whether the end is there.
    if (!response || response->body_cut || response->ended_by_close)
        co_return std::nullopt;
    remote_manifest found{type_of(*response), digest_of(response->body), std::move(response->body)};
    co_return found;
}

asio::awaitable<manifest_receipt> put_manifest(
    registry_session& registry,
    std::string repository,
    std::string name,
    const descriptor& content,
    std::string bytes) {
    http_request request;
    request.method = "PUT";
    request.to = registry.api(repository, concat("manifests/", name));
    request.headers.emplace_back("Content-Type", content.media_type);
    request.body = std::move(bytes);
    request.commits = true;
    const asked why{concat("the manifest ", name), registry.host(), repository};
    const http_response response = co_await registry.send(std::move(request), why);
    if (is_immutable_tag(response) && !digest::parse(name)) {
        const error refused = refusal(response, why);
        throw tag_is_immutable(error(errc::registry_refused, refused.message(), refused.cause())
                                   .with_status(response.status));
    }
    if (response.status != 201 && response.status != 200 && response.status != 202)
        throw manifest_refusal(response, why);
    const std::string_view stated = response.header("Docker-Content-Digest");
    if (!stated.empty() && stated != content.digest.str())
        throw error(
            errc::registry_protocol,
            concat(
                registry.host(), " stored something else than the manifest ", content.digest.str()),
            concat("it says ", foreign_text(stated, 100)));
    if (response.redirected_to)
        co_await check_arrived(registry, repository, name, content.digest);
    co_return manifest_receipt{!response.header("OCI-Subject").empty()};
}

} // namespace tarpon::registry
