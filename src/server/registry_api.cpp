// See registry_api.hpp. Status codes and headers follow distribution-spec v1.1.
#include "server/registry_api.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace tarpon::server {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

json::array to_array(const std::vector<std::string>& names) {
    json::array array;
    for (const std::string& name : names)
        array.emplace_back(name);
    return array;
}

} // namespace

registry_api::registry_api(
    const asio::any_io_executor& executor,
    blob_store& blobs,
    upload_store& uploads,
    manifest_store& manifests,
    async::cpu_pool& workers)
    : blobs_(blobs)
    , uploads_(uploads)
    , manifests_(manifests)
    , workers_(workers)
    , large_manifests_(executor, limits::large_manifests_max) {}

asio::awaitable<server_response> registry_api::handle(server_request& request) {
    const route at = find_route(request.target);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    switch (at.resource) {
    case resource::blob:
        co_return co_await on_blob(request, at);
    case resource::uploads:
        co_return co_await on_uploads(request, at);
    case resource::upload:
        co_return co_await on_upload(request, at);
    case resource::manifest:
        co_return co_await on_manifest(request, at);
    case resource::referrers:
        co_return co_await on_referrers(request, at);
    case resource::api:
        if (reads)
            co_return std::move(
                json_response({}).with("Docker-Distribution-API-Version", "registry/2.0"));
        co_return method_not_allowed("GET, HEAD");
    case resource::catalog:
    case resource::tags:
        co_return co_await on_list(request, at);
    case resource::bad_name:
        co_return api_error(400, "NAME_INVALID", explain_repository_path(at.name));
    case resource::bad_digest:
        co_return api_error(400, "DIGEST_INVALID", "not a sha256 or sha512 digest");
    case resource::bad_reference:
        co_return api_error(reads ? 404 : 400, "MANIFEST_INVALID", "neither a tag nor a digest");
    case resource::unknown:
        break;
    }
    co_return api_error(404, "UNSUPPORTED", "there is nothing here");
}

/// Tags of a repository, or repositories.
asio::awaitable<server_response> registry_api::on_list(server_request& request, const route& at) {
    if (request.method != "GET" && request.method != "HEAD")
        co_return method_not_allowed("GET, HEAD");
    const bool of_tags = at.resource == resource::tags;
    auto work = [this, &at, of_tags] {
        return of_tags ? manifests_.tags(at.name) : std::optional(manifests_.repositories());
    };
    const auto all = co_await async::run_on(workers_.get_executor(), work);
    if (!all)
        co_return api_error(404, "NAME_UNKNOWN", concat("there is no repository ", at.name));
    server_response response;
    const std::string path = of_tags ? concat("/v2/", at.name, "/tags/list") : "/v2/_catalog";
    json::object list;
    if (of_tags)
        list["name"] = at.name;
    list[of_tags ? "tags" : "repositories"] = to_array(page_of(*all, at, path, response));
    response.with("Content-Type", "application/json");
    response.body = json::serialize(list);
    co_return response;
}

} // namespace tarpon::server
