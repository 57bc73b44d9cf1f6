// The distribution API over the stores: what each request does and answers.
#pragma once

#include "async/run_on.hpp"
#include "server/http_types.hpp"
#include "server/manifest_store.hpp"
#include "server/route.hpp"
#include "server/upload_store.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::server {

class registry_api {
public:
    registry_api(
        blob_store& blobs,
        upload_store& uploads,
        manifest_store& manifests,
        async::cpu_pool& workers);

    /// Answers any request below /v2/. Throws errc::storage; protocol errors are answers.
    boost::asio::awaitable<server_response> handle(server_request& request);

    /// Says that a tag changed (so that index.json gets written).
    std::function<void()> on_tag;

private:
    boost::asio::awaitable<server_response> on_blob(server_request& request, const route& at);
    boost::asio::awaitable<server_response> on_uploads(server_request& request, const route& at);
    boost::asio::awaitable<server_response> on_upload(server_request& request, const route& at);
    boost::asio::awaitable<server_response> on_manifest(server_request& request, const route& at);
    boost::asio::awaitable<server_response> get_manifest(const route& at);
    boost::asio::awaitable<server_response> put_manifest(server_request& request, const route& at);
    boost::asio::awaitable<server_response> delete_manifest(const route& at);
    boost::asio::awaitable<server_response>
    finish_upload(upload_store::lease session, const route& at);
    boost::asio::awaitable<server_response>
    receive_all(server_request& request, upload_store::lease session, const route& at);
    boost::asio::awaitable<void> drop(upload_store::lease session);
    boost::asio::awaitable<std::optional<server_response>>
    receive(server_request& request, upload_store::lease session, const std::string& name);
    server_response list_tags(const route& at) const;
    server_response list_repositories(const route& at) const;

    blob_store& blobs_;
    upload_store& uploads_;
    manifest_store& manifests_;
    async::cpu_pool& workers_;
};

/// {"errors":[{"code":…,"message":…}]}
server_response api_error(unsigned status, std::string_view code, std::string_view message);
/// 405, with what is allowed instead.
server_response method_not_allowed(std::string_view allowed);

inline constexpr const char* digest_header = "Docker-Content-Digest";

/// "0-499", as the distribution API writes it: no unit, no total. nullopt when malformed.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text);

} // namespace tarpon::server
