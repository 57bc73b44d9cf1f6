// The part of registry_api.hpp at /v2/<name>/blobs/<digest>.
#include "model/text.hpp"
#include "server/byte_range.hpp"
#include "server/registry_api.hpp"

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

server_response blob_unknown(const digest& content) {
    return api_error(
        404, "BLOB_UNKNOWN", concat("the repository does not have blob ", content.str()));
}

void describe(server_response& response, const digest& content) {
    response.with(digest_header, content.str());
    response.with("ETag", entity_tag_of(content));
    response.with("Accept-Ranges", "bytes");
}

} // namespace

asio::awaitable<server_response> registry_api::on_blob(server_request& request, const route& at) {
    if (request.method == "GET")
        co_return co_await get_blob(request, at);
    if (request.method == "HEAD")
        co_return co_await head_blob(at);
    if (request.method == "DELETE")
        co_return co_await delete_blob(at);
    co_return method_not_allowed("GET, HEAD, DELETE");
}

/// Asked by pushes, which then do not send the blob: it must stay for a while.
asio::awaitable<server_response> registry_api::head_blob(const route& at) {
    auto work = [this, &at] {
        const auto inside = blobs_.gate().enter();
        return blobs_.claim(at.name, at.digest);
    };
    const auto size = co_await async::run_on(workers_.get_executor(), work);
    if (!size)
        co_return blob_unknown(at.digest);
    server_response response;
    response.with("Content-Type", "application/octet-stream");
    response.with("Content-Length", std::to_string(*size));
    describe(response, at.digest);
    co_return response;
}

asio::awaitable<server_response> registry_api::get_blob(server_request& request, const route& at) {
    auto work = [this, &at] {
        return blobs_.open(at.name, at.digest);
    };
    auto found = co_await async::run_on(workers_.get_executor(), work);
    if (!found)
        co_return blob_unknown(at.digest);
    const std::string entity_tag = entity_tag_of(at.digest);
    if (matches_any(request.header("If-None-Match"), entity_tag))
        co_return std::move(empty_response(304).with("ETag", entity_tag));
    const byte_range range =
        choose_range(request.header("Range"), request.header("If-Range"), entity_tag, found->size);
    if (range.kind == range_kind::unsatisfiable)
        co_return std::move(api_error(416, "SIZE_INVALID", "the blob has no such bytes")
                                .with("Content-Range", concat("bytes */", found->size)));
    server_response response;
    response.with("Content-Type", "application/octet-stream");
    describe(response, at.digest);
    if (range.kind == range_kind::part) {
        response.status = 206;
        const std::uint64_t last = range.first + range.bytes - 1;
        response.with("Content-Range", concat("bytes ", range.first, "-", last, "/", found->size));
    }
    response.content = std::move(found->content);
    response.content_begin = range.first;
    response.content_bytes = range.bytes;
    co_return response;
}

/// Not while a manifest names it: an image that was pushed stays whole until it is deleted.
asio::awaitable<server_response> registry_api::delete_blob(const route& at) {
    struct outcome {
        bool removed = false;
        std::optional<digest> user;
    };
    auto work = [this, &at] {
        const auto alone = blobs_.gate().alone();
        outcome found;
        if (blobs_.find(at.name, at.digest))
            found.user = manifests_.user_of(at.name, at.digest);
        if (!found.user)
            found.removed = blobs_.remove(at.name, at.digest);
        return found;
    };
    const auto found = co_await async::run_on(workers_.get_executor(), work);
    if (found.user)
        co_return api_error(
            409, "DENIED", concat("the blob belongs to manifest ", found.user->str()));
    if (!found.removed)
        co_return blob_unknown(at.digest);
    if (on_delete)
        on_delete();
    co_return empty_response(202);
}

} // namespace tarpon::server
