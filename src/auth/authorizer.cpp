// See authorizer.hpp.
#include "auth/authorizer.hpp"

#include "model/base64.hpp"
#include "model/text.hpp"
#include "transport/server_words.hpp"

#include <tarpon/limits.hpp>

#include <boost/algorithm/string/join.hpp>

#include <algorithm>

namespace tarpon::auth {

namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

namespace {

std::vector<auth_challenge> challenges_of(const http_response& response) {
    std::vector<auth_challenge> all;
    for (const auto& [name, value] : response.headers)
        if (iequals(name, "WWW-Authenticate"))
            for (auth_challenge& challenge : parse_challenges(value))
                all.push_back(std::move(challenge));
    return all;
}

/// POST is answered like this by servers that only know GET.
bool wants_get(int status) {
    return status == 400 || status == 401 || status == 404 || status == 405;
}

} // namespace

authorizer::authorizer(
    transport::http_client& http,
    std::string host,
    const connection_options& options,
    async::cpu_pool& workers)
    : http_(http)
    , host_(std::move(host))
    , finder_(options, process_environment)
    , workers_(workers)
    , found_changed_(http.executor())
    , fetched_(http.executor()) {}

void authorizer::learn(const http_response& response, const transport::url& asked) {
    std::optional<failure> unsafe;
    for (const auth_challenge& challenge : challenges_of(response)) {
        if (challenge.scheme == "basic")
            basic_ = true;
        if (challenge.scheme != "bearer" || bearer_)
            continue;
        const auto realm = check_realm(challenge, asked, origin_);
        if (realm)
            bearer_ = *realm;
        else
            unsafe = realm.error();
    }
    if (unsafe && !bearer_ && !basic_)
        throw error(*unsafe).in(host_);
}

authorizer::scope_list authorizer::scopes_for(const access& wanted) const {
    scope_list scopes;
    if (wanted.repository.empty())
        return scopes;
    // Several servers only look at the first scope, so the one to push comes first.
    scopes.push_back(push_scope(wanted.repository));
    if (!wanted.mount_from.empty())
        scopes.push_back(pull_scope(wanted.mount_from));
    const auto extra = extra_scopes_.find(wanted.repository);
    if (extra == extra_scopes_.end())
        return scopes;
    for (const std::string& scope : extra->second) {
        const auto names_it = [&scope](const std::string& known) {
            return includes(known, scope);
        };
        if (std::none_of(scopes.begin(), scopes.end(), names_it))
            scopes.push_back(scope);
    }
    return scopes;
}

asio::awaitable<const credentials*> authorizer::credentials_for(std::string repository) {
    while (finding_)
        co_await found_changed_.wait();
    auto known = found_.find(repository);
    if (known == found_.end()) {
        // Files and helpers may block.
        auto look = [this, repository] {
            return finder_.find(host_, repository);
        };
        struct flight {
            authorizer& owner;
            explicit flight(authorizer& of)
                : owner(of) {
                owner.finding_ = true;
            }
            ~flight() {
                owner.finding_ = false;
                owner.found_changed_.notify_all();
            }
        };
        const flight under_way(*this);
        credentials found = co_await async::run_on(workers_.get_executor(), look);
        known = found_.emplace(std::move(repository), std::move(found)).first;
    }
    last_used_ = &known->second;
    co_return &known->second;
}

asio::awaitable<void> authorizer::authorize(http_request& request, access wanted) {
    if (request.to.at != origin_ || (!basic_ && !bearer_))
        co_return;
    const credentials* who = co_await credentials_for(wanted.repository);
    if (!who->registry_token.empty()) {
        request.headers.emplace_back("Authorization", concat("Bearer ", who->registry_token));
        co_return;
    }
    if (bearer_) {
        const std::string text = co_await token_for(scopes_for(wanted), wanted.repository);
        request.headers.emplace_back("Authorization", concat("Bearer ", text));
        co_return;
    }
    if (who->has_password())
        request.headers.emplace_back(
            "Authorization",
            concat("Basic ", base64_encode(concat(who->username, ":", who->password))));
}

asio::awaitable<std::string> authorizer::token_for(scope_list scopes, std::string repository) {
    while (true) {
        const auto known = tokens_.find(scopes);
        if (known != tokens_.end() && !known->second.is_stale(std::chrono::steady_clock::now()))
            co_return known->second.text;
        if (!fetching_.contains(scopes))
            break;
        co_await fetched_.wait();
    }
    struct flight {
        authorizer& owner;
        const scope_list& scopes;
        ~flight() {
            owner.fetching_.erase(scopes);
            owner.fetched_.notify_all();
        }
    };
    fetching_.insert(scopes);
    const flight under_way{*this, scopes};
    token fresh = co_await fetch_token(scopes, repository);
    std::string text = fresh.text;
    tokens_.insert_or_assign(scopes, std::move(fresh));
    co_return text;
}

asio::awaitable<http_response>
authorizer::ask_token_server(scope_list scopes, const credentials& who) {
    // A password goes by GET, an identity token by POST; servers that know no POST are asked again.
    const bool by_post = !who.identity_token.empty();
    http_request request =
        by_post ? make_token_post(*bearer_, scopes, who) : make_token_get(*bearer_, scopes, who);
    http_response response = co_await http_.send(std::move(request));
    if (by_post && wants_get(response.status) && who.has_password()) {
        http_request again = make_token_get(*bearer_, scopes, who);
        response = co_await http_.send(std::move(again));
    }
    co_return response;
}

error authorizer::token_refused(const http_response& response) const {
    const auto words = transport::read_error_body(response.header("Content-Type"), response.body);
    const std::string cause = concat(
        response.status, " from ", bearer_->realm.redacted(), words.message.empty() ? "" : ": ",
        words.message);
    if (response.status != 401 && response.status != 403 && response.status != 400)
        return error(
                   response.status >= 500 || response.status == 429 ? errc::registry_failed
                                                                    : errc::registry_refused,
                   concat("the token server of ", host_, " gave no token"), cause)
            .with_status(response.status);
    return rejection(response);
}

asio::awaitable<token> authorizer::fetch_token(scope_list scopes, std::string repository) {
    const credentials* who = co_await credentials_for(repository);
    const http_response response = co_await ask_token_server(std::move(scopes), *who);
    // A redirect could lead credentials anywhere.
    if (response.status >= 300 && response.status < 400)
        throw error(
            errc::registry_protocol,
            concat("the token server of ", host_, " redirects, which is not followed"));
    if (!response.ok())
        throw token_refused(response);
    co_return parse_token(response.body, std::chrono::steady_clock::now()).value();
}

asio::awaitable<bool>
authorizer::improve(const http_response& response, transport::url asked, access wanted) {
    if (asked.at != origin_)
        co_return false;
    const bool knew_nothing = !basic_ && !bearer_;
    bool asked_for_more = false;
    for (const auth_challenge& challenge : challenges_of(response)) {
        // What a mount needs was asked for, and is of no use, or worse, to other requests.
        if (challenge.scheme != "bearer" || !wanted.mount_from.empty())
            continue;
        std::string_view rest = challenge.parameter("scope");
        while (!rest.empty()) {
            const std::size_t blank = rest.find(' ');
            const std::string scope = for_pushing(rest.substr(0, blank));
            rest = blank == rest.npos ? std::string_view() : rest.substr(blank + 1);
            if (!scope.empty() && is_safe_secret(scope))
                asked_for_more |= extra_scopes_[wanted.repository].insert(scope).second;
        }
    }
    learn(response, asked);
    if (response.status == 403)
        co_return asked_for_more;
    // The token that was refused is of no use any more; a Basic password is as good as it was.
    if (bearer_)
        tokens_.erase(scopes_for(wanted));
    const credentials* who = co_await credentials_for(wanted.repository);
    if (!who->registry_token.empty())
        co_return false;
    co_return bearer_.has_value() || (knew_nothing && basic_ && who->has_password());
}

error authorizer::rejection(const http_response& response) const {
    const auto words = transport::read_error_body(response.header("Content-Type"), response.body);
    std::string cause = std::to_string(response.status);
    for (const std::string& part :
         {words.code, words.message.empty() ? std::string() : concat("\"", words.message, "\"")})
        if (!part.empty())
            cause += concat(" ", part);
    if (!has_credentials())
        return error(
                   errc::registry_unauthorized,
                   concat(
                       "no credentials for ", host_,
                       finder_.places().empty()
                           ? ""
                           : concat(
                               " (looked in ", boost::algorithm::join(finder_.places(), ", "),
                               ")")),
                   cause, concat("tarpon login ", host_, ", or --username USER --password-stdin"))
            .with_status(response.status);
    const std::string user =
        last_used_->username.empty() ? "the token" : foreign_text(last_used_->username, 100);
    return error(
               errc::registry_unauthorized,
               concat(host_, " rejected the credentials of ", user, " from ", last_used_->source),
               cause)
        .with_status(response.status);
}

} // namespace tarpon::auth
