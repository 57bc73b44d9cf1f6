// Request targets: what is taken for a resource has a legal name, digest, tag or id, and nothing
// that could climb out of the store. What PUT /push is asked for stays below the server's target.
#include "fuzz.hpp"
#include "server/push_request.hpp"
#include "server/route.hpp"

#include <tarpon/reference.hpp>

#include <algorithm>

namespace {

using namespace tarpon;
using namespace tarpon::fuzz;
using server::resource;

void check_push(std::string_view target) {
    const auto push = server::parse_push_request(target, "http://r.example/team");
    if (!push)
        return;
    for (const std::string& to : push->where.to) {
        check(to.starts_with("http://r.example/team/"), "names are below the target");
        const auto name = reference::parse(std::string_view(to).substr(7));
        check(name && name->host == "r.example", "a client chooses no host");
    }
    for (const placement& one : push->where.placements) {
        const auto name = reference::parse(one.name);
        check(name && name->host.empty(), "a client chooses no host");
    }
}

bool is_id(std::string_view text) {
    return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto target = as_text(data, size);
    check_push(target);
    const server::route at = server::find_route(target);
    switch (at.resource) {
    case resource::blob:
    case resource::referrers:
        check(
            !at.digest.empty() && at.digest.str() == at.reference,
            "a blob and a subject have a digest");
        break;
    case resource::upload:
        check(is_id(at.reference), "an upload has an id");
        break;
    case resource::manifest:
        check(
            is_tag(at.reference) || at.digest.str() == at.reference,
            "a manifest has a tag or a digest");
        break;
    default:
        break;
    }
    const bool named = at.resource == resource::blob || at.resource == resource::uploads
                       || at.resource == resource::upload || at.resource == resource::manifest
                       || at.resource == resource::tags || at.resource == resource::referrers
                       || at.resource == resource::bad_digest
                       || at.resource == resource::bad_reference;
    check(!named || is_repository_path(at.name), "a repository has a legal name");
    // Raw controls do not get this far (request_framing), and escapes must not make new ones.
    if (is_free_of_controls(target))
        for (const auto& [key, value] : at.query)
            check(is_free_of_controls(key) && is_free_of_controls(value), "no escaped controls");
    if (const auto decoded = server::percent_decode(target)) {
        check(decoded->size() <= size, "decoding shrinks");
        const bool escapes = target.find('%') != target.npos;
        check(escapes || *decoded == target, "without escapes nothing changes");
    }
    return 0;
}
