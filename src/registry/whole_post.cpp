// See whole_post.hpp.
#include "registry/whole_post.hpp"

#include "model/text.hpp"
#include "registry/upload_attempt.hpp"

#include <tarpon/error.hpp>

namespace tarpon::registry {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

asio::awaitable<bool> post_whole(
    registry_session& registry, std::string repository, descriptor content, std::string bytes) {
    if (!registry.habits().takes_whole_posts())
        co_return false;
    const auto slot = co_await registry.slots().acquire();
    http_request request;
    request.method = "POST";
    request.to =
        registry.api(repository, "blobs/uploads/").with_query("digest", content.digest.str());
    request.headers.emplace_back("Content-Type", "application/octet-stream");
    request.body = std::move(bytes);
    request.commits = true;
    const transport::url asked_at = request.to;
    const asked why{"to take a blob", registry.host(), repository};
    const http_response response = co_await registry.send(std::move(request), why);
    const std::string_view stated = response.header("Docker-Content-Digest");
    if (response.status == 201) {
        if (!stated.empty() && stated != content.digest.str())
            throw error(
                errc::registry_protocol,
                concat(registry.host(), " stored something else than ", content.digest.str()),
                concat("it says ", foreign_text(stated, 100)));
        co_return true;
    }
    // 202: it has opened an upload, and not looked at the bytes.
    registry.habits().whole_posts_are_refused();
    if (response.status == 202) {
        const auto session =
            session_at(response.header("Location"), response.redirected_to.value_or(asked_at));
        if (session)
            co_await drop_session(registry, *session, repository);
    }
    co_return false;
}

} // namespace tarpon::registry
