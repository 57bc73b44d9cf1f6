// See registry_api.hpp. Status codes and headers follow distribution-spec v1.1.
#include "server/registry_api.hpp"

#include "model/text.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace tarpon::server {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

server_response json_response(const json::object& object) {
    server_response response;
    response.with("Content-Type", "application/json");
    response.body = json::serialize(object);
    return response;
}

server_response blob_unknown(const digest& content) {
    return api_error(
        404, "BLOB_UNKNOWN", concat("the repository does not have blob ", content.str()));
}

server_response upload_unknown() {
    return api_error(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload in this repository");
}

std::string upload_location(const std::string& name, const std::string& id) {
    return concat("/v2/", name, "/blobs/uploads/", id);
}

/// Answers of an upload that goes on.
server_response upload_progress(unsigned status, const upload_session& session) {
    server_response response;
    response.status = status;
    response.with("Location", upload_location(session.repository, session.id));
    response.with("Range", concat("0-", session.offset() == 0 ? 0 : session.offset() - 1));
    response.with("Docker-Upload-UUID", session.id);
    return response;
}

server_response blob_created(const std::string& name, const digest& content) {
    server_response response;
    response.status = 201;
    response.with("Location", concat("/v2/", name, "/blobs/", content.str()));
    response.with(digest_header, content.str());
    return response;
}

/// A page of names: after `last`, at most `n`; adds the Link header when there is more.
std::vector<std::string> page_of(
    const std::vector<std::string>& all,
    const route& at,
    std::string_view path,
    server_response& response) {
    const std::string* last = at.query_value("last");
    const std::string* wanted = at.query_value("n");
    std::size_t n = limits::list_page_max;
    if (wanted)
        n = static_cast<std::size_t>(
            std::min<std::uint64_t>(parse_decimal(*wanted).value_or(n), n));
    const auto begin = last ? std::upper_bound(all.begin(), all.end(), *last) : all.begin();
    const auto left = static_cast<std::size_t>(all.end() - begin);
    const auto count = std::min(n, left);
    std::vector<std::string> page(begin, begin + static_cast<std::ptrdiff_t>(count));
    if (count < left && count > 0)
        response.with(
            "Link", concat("<", path, "?n=", n, "&last=", page.back(), ">; rel=\"next\""));
    return page;
}

json::array to_array(const std::vector<std::string>& names) {
    json::array array;
    for (const std::string& name : names)
        array.emplace_back(name);
    return array;
}

} // namespace

server_response api_error(unsigned status, std::string_view code, std::string_view message) {
    json::object error;
    error["code"] = json::string_view(code.data(), code.size());
    error["message"] = json::string_view(message.data(), message.size());
    server_response response = json_response({{"errors", json::array{std::move(error)}}});
    response.status = status;
    return response;
}

server_response method_not_allowed(std::string_view allowed) {
    return std::move(api_error(405, "UNSUPPORTED", "the method is not allowed here")
                         .with("Allow", std::string(allowed)));
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_content_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == text.npos)
        return std::nullopt;
    const auto first = parse_decimal(text.substr(0, dash));
    const auto last = parse_decimal(text.substr(dash + 1));
    if (!first || !last || *last < *first)
        return std::nullopt;
    return std::pair{*first, *last};
}

registry_api::registry_api(
    blob_store& blobs, upload_store& uploads, manifest_store& manifests, async::cpu_pool& workers)
    : blobs_(blobs)
    , uploads_(uploads)
    , manifests_(manifests)
    , workers_(workers) {}

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
    case resource::api:
        if (reads)
            co_return std::move(
                json_response({}).with("Docker-Distribution-API-Version", "registry/2.0"));
        co_return method_not_allowed("GET, HEAD");
    case resource::catalog:
        co_return reads ? list_repositories(at) : method_not_allowed("GET, HEAD");
    case resource::tags:
        co_return reads ? list_tags(at) : method_not_allowed("GET, HEAD");
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

asio::awaitable<server_response> registry_api::on_blob(server_request& request, const route& at) {
    if (request.method != "GET" && request.method != "HEAD")
        co_return method_not_allowed("GET, HEAD");
    auto work = [this, &at] {
        return blobs_.open(at.name, at.digest);
    };
    auto found = co_await async::run_on(workers_.get_executor(), work);
    if (!found)
        co_return blob_unknown(at.digest);
    server_response response;
    response.with("Content-Type", "application/octet-stream");
    response.with(digest_header, at.digest.str());
    response.content = std::move(found->content);
    response.content_bytes = found->size;
    co_return response;
}

asio::awaitable<server_response>
registry_api::on_uploads(server_request& request, const route& at) {
    if (request.method != "POST")
        co_return method_not_allowed("POST");
    const std::string* mount = at.query_value("mount");
    const std::string* from = at.query_value("from");
    if (mount && from) {
        const auto content = digest::parse(*mount);
        if (!content)
            co_return api_error(400, "DIGEST_INVALID", "mount is not a digest");
        if (is_repository_path(*from)) {
            auto work = [this, &at, from, &content] {
                return blobs_.mount(at.name, *from, *content);
            };
            const bool mounted = co_await async::run_on(workers_.get_executor(), work);
            if (mounted)
                co_return blob_created(at.name, *content);
        }
    }
    auto begin = [this, &at] {
        return uploads_.begin(at.name);
    };
    auto session = co_await async::run_on(workers_.get_executor(), begin);
    if (!at.query_value("digest"))
        co_return upload_progress(202, *session);
    co_return co_await receive_all(request, std::move(session), at);
}

/// POST with the whole blob. Nobody else knows this session, so it ends with the request.
asio::awaitable<server_response>
registry_api::receive_all(server_request& request, upload_store::lease session, const route& at) {
    std::optional<server_response> refused;
    std::exception_ptr broken;
    try {
        refused = co_await receive(request, session, at.name);
    } catch (const error&) {
        broken = std::current_exception();
    }
    if (!refused && !broken)
        co_return co_await finish_upload(std::move(session), at);
    co_await drop(std::move(session));
    if (broken)
        std::rethrow_exception(broken);
    co_return std::move(*refused);
}

asio::awaitable<void> registry_api::drop(upload_store::lease session) {
    auto work = [this, &session] {
        uploads_.drop(std::move(session));
    };
    co_await async::run_on(workers_.get_executor(), work);
}

/// Appends the request's body to the session; an answer if the request has to end here.
asio::awaitable<std::optional<server_response>> registry_api::receive(
    server_request& request, upload_store::lease session, const std::string& name) {
    const std::string_view range_text = request.header("Content-Range");
    if (!range_text.empty()) {
        const auto range = parse_content_range(range_text);
        if (!range)
            co_return api_error(400, "BLOB_UPLOAD_INVALID", "Content-Range is malformed");
        const std::uint64_t length = range->second - range->first + 1;
        if (request.content_length && *request.content_length != length)
            co_return api_error(400, "SIZE_INVALID", "Content-Range and Content-Length differ");
        if (range->first != session->offset()) {
            server_response response = api_error(
                416, "BLOB_UPLOAD_INVALID", "the chunk does not start where the upload stands");
            response.with("Location", upload_location(name, session->id));
            response.with(
                "Range", concat("0-", session->offset() == 0 ? 0 : session->offset() - 1));
            co_return response;
        }
    }
    std::vector<std::byte> piece(limits::block_bytes);
    std::exception_ptr broken;
    for (bool more = true; more && !broken;) {
        std::size_t size = 0;
        try {
            while (more && size < piece.size()) {
                const std::size_t got =
                    co_await request.body.read_some(std::span(piece).subspan(size));
                more = got > 0;
                size += got;
            }
        } catch (const error&) {
            broken = std::current_exception();
        }
        // Also what came before a cut: the client will ask where the upload stands and go on.
        auto store = [&] {
            session->append(std::span<const std::byte>(piece).first(size));
        };
        if (size > 0)
            co_await async::run_on(workers_.get_executor(), store);
    }
    if (broken)
        std::rethrow_exception(broken);
    co_return std::nullopt;
}

asio::awaitable<server_response>
registry_api::finish_upload(upload_store::lease session, const route& at) {
    const auto content = digest::parse(*at.query_value("digest"));
    if (!content) {
        co_await drop(std::move(session));
        co_return api_error(400, "DIGEST_INVALID", "not a sha256 or sha512 digest");
    }
    auto commit = [this, &session, &content] {
        return uploads_.commit(std::move(session), *content);
    };
    const bool right = co_await async::run_on(workers_.get_executor(), commit);
    if (!right)
        co_return api_error(400, "DIGEST_INVALID", "the uploaded bytes have another digest");
    co_return blob_created(at.name, *content);
}

asio::awaitable<server_response> registry_api::on_upload(server_request& request, const route& at) {
    const std::string& method = request.method;
    if (method != "GET" && method != "PATCH" && method != "PUT" && method != "DELETE")
        co_return method_not_allowed("GET, PATCH, PUT, DELETE");
    if (method == "PUT" && !at.query_value("digest"))
        co_return api_error(400, "DIGEST_INVALID", "a PUT commits the upload and needs ?digest=");
    upload_store::lease session;
    auto take = [this, &at, &session] {
        return uploads_.take(at.reference, at.name, session);
    };
    const auto taken = co_await async::run_on(workers_.get_executor(), take);
    if (taken == upload_store::take_result::unknown)
        co_return upload_unknown();
    if (taken == upload_store::take_result::busy)
        co_return api_error(409, "BLOB_UPLOAD_INVALID", "another request is using this upload");
    if (method == "GET")
        co_return upload_progress(204, *session);
    if (method == "DELETE") {
        co_await drop(std::move(session));
        server_response gone;
        gone.status = 204;
        co_return gone;
    }
    auto refused = co_await receive(request, session, at.name);
    if (refused)
        co_return std::move(*refused);
    if (method == "PATCH")
        co_return upload_progress(202, *session);
    co_return co_await finish_upload(std::move(session), at);
}

server_response registry_api::list_tags(const route& at) const {
    const auto all = manifests_.tags(at.name);
    if (!all)
        return api_error(404, "NAME_UNKNOWN", concat("there is no repository ", at.name));
    server_response response;
    const auto page = page_of(*all, at, concat("/v2/", at.name, "/tags/list"), response);
    response.with("Content-Type", "application/json");
    response.body = json::serialize(json::object{{"name", at.name}, {"tags", to_array(page)}});
    return response;
}

server_response registry_api::list_repositories(const route& at) const {
    server_response response;
    const auto page = page_of(manifests_.repositories(), at, "/v2/_catalog", response);
    response.with("Content-Type", "application/json");
    response.body = json::serialize(json::object{{"repositories", to_array(page)}});
    return response;
}

} // namespace tarpon::server
