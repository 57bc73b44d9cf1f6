#include "support/token_service.hpp"

#include "model/base64.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

namespace tarpon::test {

namespace {

class service_state {
public:
    explicit service_state(token_habits with)
        : with_(std::move(with)) {}

    std::optional<answer> operator()(const registry_request& request) {
        if (request.http.path() == "/token")
            return give_token(request.http);
        if (request.what == step::other || is_allowed(request))
            return std::nullopt;
        return refuse(request);
    }

private:
    using scope_set = std::set<std::string>;

    answer give_token(const seen_request& http) {
        const std::string wanted =
            concat("Basic ", base64_encode(concat(with_.username, ":", with_.password)));
        if (http.method != "GET" || http.parameter("service") != with_.service)
            return answer::with(404, "no such service");
        if (http.header("Authorization") != wanted)
            return answer::json(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})");
        for (const std::string& scope : http.parameters("scope"))
            if (std::count(with_.denied_scopes.begin(), with_.denied_scopes.end(), scope) > 0
                || scope.find("delete") != scope.npos)
                return answer::json(with_.denied_status, R"({"errors":[{"code":"DENIED"}]})");
        const std::string name = concat("token-", tokens_.size() + 1);
        const auto scopes = http.parameters("scope");
        tokens_.emplace(name, scope_set(scopes.begin(), scopes.end()));
        return answer::json(
            200,
            concat("{\"", with_.access_token ? "access_token" : "token", "\":\"", name, "\"}"));
    }

    bool is_allowed(const registry_request& request) {
        std::string_view given = request.http.header("Authorization");
        constexpr std::string_view scheme = "Bearer ";
        if (!given.starts_with(scheme))
            return false;
        const auto found = tokens_.find(std::string(given.substr(scheme.size())));
        const bool too_late = with_.tokens_end_before_commits && request.what == step::put
                              && committed_.insert(request.reference).second;
        if (found == tokens_.end() || too_late)
            return false;
        const scope_set& scopes = found->second;
        if (request.what == step::drop_upload && with_.deletes_need_more)
            return false;
        const auto from = request.http.parameter("from");
        return (request.what == step::ping
                || scopes.contains(concat("repository:", request.repository, ":pull,push")))
               && (request.what != step::mount || !with_.mounts_need_pull || !from
                   || scopes.contains(concat("repository:", *from, ":pull")));
    }

    answer refuse(const registry_request& request) const {
        answer reply = answer::json(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})");
        if (request.what != step::ping) {
            if (with_.bare_refusals)
                return reply;
            if (with_.other_challenge_when_refused)
                return reply.header("WWW-Authenticate", *with_.other_challenge_when_refused);
        }
        const std::string scope =
            request.what == step::ping
                ? with_.ping_scope
                : concat(
                    "repository:", request.repository,
                    request.what == step::drop_upload ? ":delete"
                                                      : ":push,pull"); // as some order it
        const std::string base =
            with_.relative_realm ? "" : concat("http://", request.http.header("Host"));
        reply.header(
            "WWW-Authenticate", concat(
                                    "Bearer realm=\"", base, "/token\",service=\"", with_.service,
                                    "\"", scope.empty() ? "" : concat(",scope=\"", scope, "\"")));
        for (const std::string& more : with_.more_challenges)
            reply.header("WWW-Authenticate", more);
        return reply;
    }

    const token_habits with_;
    std::map<std::string, scope_set> tokens_;
    std::set<std::string> committed_; ///< sessions that were PUT to
};

} // namespace

interceptor token_service(token_habits with) {
    const auto state = std::make_shared<service_state>(std::move(with));
    return [state](const registry_request& request) {
        return (*state)(request);
    };
}

} // namespace tarpon::test
