// The distribution API over the stores: what each request does and answers. One file a resource:
// registry_api.cpp (which one is meant, lists of names), blob_requests.cpp, upload_requests.cpp,
// manifest_requests.cpp.
#pragma once

#include "async/run_on.hpp"
#include "async/slots.hpp"
#include "server/api_answers.hpp"
#include "server/http_types.hpp"
#include "server/manifest_store.hpp"
#include "server/route.hpp"
#include "server/upload_store.hpp"

#include <boost/asio/awaitable.hpp>

namespace tarpon::server {

class registry_api {
public:
    registry_api(
        const boost::asio::any_io_executor& executor,
        blob_store& blobs,
        upload_store& uploads,
        manifest_store& manifests,
        async::cpu_pool& workers);

    /// Answers any request below /v2/. Throws errc::storage; protocol errors are answers.
    boost::asio::awaitable<server_response> handle(server_request& request);

    /// Says that a tag changed (so that index.json gets written).
    std::function<void()> on_tag;
    /// Says that something was deleted (so that its space is freed soon).
    std::function<void()> on_delete;

private:
    boost::asio::awaitable<server_response> on_list(server_request& request, const route& at);

    boost::asio::awaitable<server_response> on_blob(server_request& request, const route& at);
    boost::asio::awaitable<server_response> head_blob(const route& at);
    boost::asio::awaitable<server_response> get_blob(server_request& request, const route& at);
    boost::asio::awaitable<server_response> delete_blob(const route& at);

    boost::asio::awaitable<server_response> on_uploads(server_request& request, const route& at);
    boost::asio::awaitable<server_response> on_upload(server_request& request, const route& at);
    boost::asio::awaitable<bool> mount_from(const route& at, digest content, std::string from);
    boost::asio::awaitable<server_response>
    finish_upload(upload_store::lease session, const route& at);
    boost::asio::awaitable<server_response>
    receive_all(server_request& request, upload_store::lease session, const route& at);
    boost::asio::awaitable<void> drop(upload_store::lease session);
    boost::asio::awaitable<std::optional<server_response>>
    receive(server_request& request, upload_store::lease session);

    boost::asio::awaitable<server_response> on_manifest(server_request& request, const route& at);
    boost::asio::awaitable<server_response> get_manifest(server_request& request, const route& at);
    boost::asio::awaitable<server_response> put_manifest(server_request& request, const route& at);
    boost::asio::awaitable<server_response> delete_manifest(const route& at);
    boost::asio::awaitable<server_response> on_referrers(server_request& request, const route& at);

    blob_store& blobs_;
    upload_store& uploads_;
    manifest_store& manifests_;
    async::cpu_pool& workers_;
    async::slots large_manifests_; ///< that come in
};

/// "0-499", as the distribution API writes it: no unit, no total. nullopt when malformed.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text);

} // namespace tarpon::server
