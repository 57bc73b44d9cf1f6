// See refusal.hpp.
#include "server/refusal.hpp"

#include "engine/event_json.hpp"
#include "model/text.hpp"
#include "server/api_answers.hpp"

namespace tarpon::server {
namespace {

std::string_view api_code(unsigned status) noexcept {
    switch (status) {
    case 401:
        return "UNAUTHORIZED";
    case 403:
        return "DENIED";
    case 429:
        return "TOOMANYREQUESTS";
    default:
        return "UNSUPPORTED";
    }
}

errc code_of(unsigned status) noexcept {
    if (status == 401)
        return errc::registry_unauthorized;
    return status == 403 ? errc::registry_denied : errc::registry_refused;
}

} // namespace

std::string_view path_of(const server_request& request) noexcept {
    return std::string_view(request.target).substr(0, request.target.find('?'));
}

server_response push_refusal(unsigned status, error why) {
    push_summary nothing;
    nothing.failed = 1;
    const failure_event failed{std::move(why), {}, {}};
    server_response response;
    response.status = status;
    response.with("Content-Type", "application/x-ndjson; charset=utf-8");
    response.with("Cache-Control", "no-store");
    response.body = concat(engine::to_json(failed), "\n", engine::to_json(nothing), "\n");
    return response;
}

void ask_to_return(server_response& refused) {
    refused.with("Retry-After", "5");
}

server_response refusal(const server_request& request, unsigned status, std::string_view why) {
    if (path_of(request).starts_with("/push"))
        return push_refusal(status, error(code_of(status), std::string(why)));
    auto response = api_error(status, api_code(status), why);
    return std::move(response.with("Cache-Control", "no-store"));
}

} // namespace tarpon::server
