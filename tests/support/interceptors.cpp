#include "support/interceptors.hpp"

#include <utility>

namespace tarpon::test {

interceptor first_of(std::vector<interceptor> all) {
    return [all = std::move(all)](const registry_request& request) -> std::optional<answer> {
        for (const interceptor& one : all)
            if (auto reply = one(request))
                return reply;
        return std::nullopt;
    };
}

interceptor once(step what, answer with) {
    return [=, done = false](const registry_request& request) mutable -> std::optional<answer> {
        if (request.what != what || std::exchange(done, true))
            return std::nullopt;
        return with;
    };
}

interceptor always(step what, answer with) {
    return [=](const registry_request& request) {
        return request.what == what ? std::optional(with) : std::nullopt;
    };
}

interceptor wants_content_length(step what) {
    return [what](const registry_request& request) -> std::optional<answer> {
        const bool bare = request.what == what && request.http.header("Content-Length").empty();
        return bare ? std::optional(answer::with(411, "Length Required")) : std::nullopt;
    };
}

} // namespace tarpon::test
