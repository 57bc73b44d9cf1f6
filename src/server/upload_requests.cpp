// The part of registry_api.hpp at /v2/<name>/blobs/uploads/: sessions, whole blobs, mounts.
#include "model/text.hpp"
#include "server/registry_api.hpp"

#include <tarpon/limits.hpp>
#include <tarpon/reference.hpp>

namespace tarpon::server {

namespace asio = boost::asio;

namespace {

server_response upload_unknown() {
    return api_error(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload in this repository");
}

upload_owner owner_of(const server_request& request, const route& at) {
    return {at.name, request.user};
}

/// Where the session is and stands, on any answer about one.
void describe(server_response& response, const upload_session& session) {
    const std::uint64_t stands = session.offset();
    response.with(
        "Location", concat("/v2/", session.owner.repository, "/blobs/uploads/", session.id));
    response.with("Range", concat("0-", stands == 0 ? 0 : stands - 1));
    response.with("Docker-Upload-UUID", session.id);
}

server_response upload_progress(unsigned status, const upload_session& session) {
    server_response response = empty_response(status);
    describe(response, session);
    return response;
}

server_response blob_created(const std::string& name, const digest& content) {
    server_response response;
    response.status = 201;
    response.with("Location", concat("/v2/", name, "/blobs/", content.str()));
    response.with(digest_header, content.str());
    return response;
}

/// What is wrong with the chunk that a request says it brings; nullopt: nothing.
std::optional<server_response>
refuse_chunk(const server_request& request, const upload_session& session) {
    const std::string_view range_text = request.header("Content-Range");
    if (range_text.empty())
        return std::nullopt;
    const auto range = parse_content_range(range_text);
    if (!range)
        return api_error(400, "BLOB_UPLOAD_INVALID", "Content-Range is malformed");
    const std::uint64_t length = range->second - range->first + 1;
    if (request.content_length && *request.content_length != length)
        return api_error(400, "SIZE_INVALID", "Content-Range and Content-Length differ");
    if (range->first == session.offset())
        return std::nullopt;
    server_response response =
        api_error(416, "BLOB_UPLOAD_INVALID", "the chunk does not start where the upload stands");
    describe(response, session);
    return response;
}

} // namespace

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

/// Without `from` nothing is mounted: content is not to be had by knowing its digest.
asio::awaitable<bool> registry_api::mount_from(const route& at, digest content, std::string from) {
    if (!is_repository_path(from))
        co_return false;
    auto work = [this, &at, &from, &content] {
        const auto inside = blobs_.gate().enter();
        return blobs_.mount(at.name, from, content);
    };
    co_return co_await async::run_on(workers_.get_executor(), work);
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
        const bool mounted = co_await mount_from(at, *content, *from);
        if (mounted)
            co_return blob_created(at.name, *content);
    }
    const upload_owner owner = owner_of(request, at);
    auto begin = [this, &owner] {
        return uploads_.begin(owner);
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
        refused = co_await receive(request, session);
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
asio::awaitable<std::optional<server_response>>
registry_api::receive(server_request& request, upload_store::lease session) {
    auto refused = refuse_chunk(request, *session);
    if (refused)
        co_return std::move(refused);
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
    const upload_owner owner = owner_of(request, at);
    auto take = [this, &at, &owner, &session] {
        return uploads_.take(at.reference, owner, session);
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
        co_return empty_response(204);
    }
    auto refused = co_await receive(request, session);
    if (refused)
        co_return std::move(*refused);
    if (method == "PATCH")
        co_return upload_progress(202, *session);
    co_return co_await finish_upload(std::move(session), at);
}

} // namespace tarpon::server
