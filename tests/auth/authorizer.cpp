#include "auth/authorizer.hpp"

#include "async/task_group.hpp"
#include "support/expect_error.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_authorizer)

using namespace tarpon;
using namespace tarpon::test;
using namespace tarpon::auth;
namespace asio = boost::asio;
using transport::http_request;
using transport::http_response;

connection_options as_somebody() {
    connection_options options;
    options.username = "user";
    options.password = "MARKER";
    return options;
}

/// An authorizer for a registry that needs no server, and a token server that a test scripts.
struct stage {
    asio::io_context& io;
    async::cpu_pool workers{1};
    scripted_server tokens;
    transport::http_client http;
    transport::origin registry{false, "127.0.0.1", 5000};
    authorizer who;

    stage(
        asio::io_context& on,
        std::function<answer(const seen_request&)> script,
        const connection_options& options = as_somebody())
        : io(on)
        , tokens(on, std::move(script))
        , http(on.get_executor(), {}, 4)
        , who(http, "127.0.0.1:5000", options, workers) {
        who.set_origin(registry);
    }

    transport::url url(std::string target) const { return {registry, std::move(target)}; }
    /// A 401 (or another status) of the registry with these challenges.
    static http_response refusal(std::vector<std::string> challenges, int status = 401) {
        http_response response;
        response.status = status;
        for (std::string& one : challenges)
            response.headers.emplace_back("WWW-Authenticate", std::move(one));
        return response;
    }
    std::string bearer(const std::string& more = "") const {
        return "Bearer realm=\"http://" + tokens.host() + "/token\",service=\"svc\"" + more;
    }
    /// The Authorization header that a request for `repository` gets; empty: none.
    asio::awaitable<std::string> header_for(std::string repository, std::string mount_from = {}) {
        http_request request;
        request.method = "POST";
        request.to = url("/v2/" + repository + "/blobs/uploads/");
        const auth::access wanted{repository, mount_from};
        co_await who.authorize(request, wanted);
        for (const auto& [name, value] : request.headers)
            if (name == "Authorization")
                co_return value;
        co_return std::string();
    }
};

/// An auth file that knows the registry by an identity token, and by a password if there is a user.
struct temp_auth {
    temp_dir dir;
    std::string path;

    explicit temp_auth(const std::string& user)
        : path(dir.write(
            "auth.json",
            R"({"auths":{"127.0.0.1:5000":{"identitytoken":"refresh","username":")" + user
                + R"(","password":"p"}}})")) {}
};

/// Gives token-1, token-2, … that live for `seconds`.
std::function<answer(const seen_request&)> numbered_tokens(int seconds = 300) {
    return [seconds, count = 0](const seen_request&) mutable {
        return answer::json(
            200, "{\"token\":\"token-" + std::to_string(++count)
                     + "\",\"expires_in\":" + std::to_string(seconds) + "}");
    };
}

asio::awaitable<void> nothing_asked(asio::io_context& io) {
    stage on(io, numbered_tokens());
    const std::string header = co_await on.header_for("app");
    BOOST_TEST(header.empty());
    BOOST_TEST(on.tokens.log().empty());
}

// Nobody asked for credentials, so nobody gets them.
BOOST_AUTO_TEST_CASE(no_challenge_no_credentials) {
    run_coroutine(nothing_asked);
}

asio::awaitable<void> basic(asio::io_context& io) {
    stage on(io, numbered_tokens());
    on.who.learn(stage::refusal({"BASIC realm=\"x\""}), on.url("/v2/"));
    const std::string header = co_await on.header_for("app");
    BOOST_TEST(header == "Basic dXNlcjpNQVJLRVI=");
    // Only to the registry itself: another port, another host, another scheme are others.
    for (const transport::origin& other :
         {transport::origin{false, "127.0.0.1", 5001}, transport::origin{false, "localhost", 5000},
          transport::origin{true, "127.0.0.1", 5000}}) {
        http_request request;
        request.to = {other, "/v2/"};
        const auth::access wanted{"app", {}};
        co_await on.who.authorize(request, wanted);
        BOOST_TEST(request.headers.empty());
    }
    // What was refused once is refused again.
    const auth::access wanted{"app", {}};
    const auto refused = stage::refusal({"Basic realm=\"x\""});
    const bool better = co_await on.who.improve(refused, on.url("/v2/"), wanted);
    BOOST_TEST(!better);
}

BOOST_AUTO_TEST_CASE(basic_goes_to_the_registry_only) {
    run_coroutine(basic);
}

asio::awaitable<void> ask(stage& on, std::string repository, std::string& header) {
    header = co_await on.header_for(std::move(repository));
}

asio::awaitable<void> single_flight(asio::io_context& io) {
    stage on(io, numbered_tokens());
    on.who.learn(
        stage::refusal({on.bearer(",scope=\"repository:user/image:pull\"")}), on.url("/v2/"));
    std::vector<std::string> headers(5);
    async::task_group group(io.get_executor());
    for (std::string& header : headers)
        group.spawn(ask(on, "team/app", header));
    co_await group.join();
    for (const std::string& header : headers)
        BOOST_TEST(header == "Bearer token-1");
    BOOST_REQUIRE(on.tokens.log().size() == 1u);
    const seen_request& asked = on.tokens.log().front();
    // Our own scope, whatever the ping's challenge said (GHCR names a placeholder).
    BOOST_TEST(asked.parameter("scope").value() == "repository:team/app:pull,push");
    BOOST_TEST(asked.parameter("service").value() == "svc");
    BOOST_TEST(asked.header("Authorization") == "Basic dXNlcjpNQVJLRVI=");
    // Another repository, another token; a mount names both, the one to push first.
    std::string header = co_await on.header_for("team/other");
    BOOST_TEST(header == "Bearer token-2");
    header = co_await on.header_for("team/app", "team/base");
    BOOST_TEST(header == "Bearer token-3");
    const std::string target(on.tokens.log().back().target);
    BOOST_TEST(target.find("team%2Fapp%3Apull%2Cpush") < target.find("team%2Fbase%3Apull"));
    BOOST_TEST(target.find("team%2Fbase%3Apull%2Cpush") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_token_request_for_many_that_wait) {
    run_coroutine(single_flight);
}

asio::awaitable<void> short_lives(asio::io_context& io) {
    stage on(io, numbered_tokens(1)); // stale at once
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    for (int i = 1; i <= 3; ++i) {
        const std::string header = co_await on.header_for("app");
        BOOST_TEST(header == "Bearer token-" + std::to_string(i));
    }
}

BOOST_AUTO_TEST_CASE(stale_token_is_fetched_anew) {
    run_coroutine(short_lives);
}

asio::awaitable<void> refused_tokens(asio::io_context& io, std::vector<std::string> challenges) {
    stage on(io, numbered_tokens());
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    std::string header = co_await on.header_for("app");
    BOOST_TEST(header == "Bearer token-1");
    const auth::access wanted{"app", {}};
    const auto refused = stage::refusal(std::move(challenges));
    const bool better = co_await on.who.improve(refused, on.url("/v2/app"), wanted);
    BOOST_TEST(better);
    header = co_await on.header_for("app");
    BOOST_TEST(header == "Bearer token-2");
}

// A 401 in mid-flight without a challenge (GCR), or with a Basic one (Harbor), after Bearer was
// seen.
BOOST_AUTO_TEST_CASE(refused_token_is_replaced) {
    run_coroutine([](asio::io_context& io) { return refused_tokens(io, {}); });
    run_coroutine(
        [](asio::io_context& io) { return refused_tokens(io, {"Basic realm=\"harbor\""}); });
}

asio::awaitable<void> more_scopes(asio::io_context& io) {
    stage on(io, numbered_tokens());
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    (void)co_await on.header_for("app");
    const auth::access wanted{"app", {}};
    const auto refused = stage::refusal(
        {on.bearer(
            ",scope=\"repository:base:pull registry:catalog:*\",error=\"insufficient_scope\"")},
        403);
    bool better = co_await on.who.improve(refused, on.url("/v2/app"), wanted);
    BOOST_TEST(better);
    (void)co_await on.header_for("app");
    const std::string target(on.tokens.log().back().target);
    BOOST_TEST(target.find("repository%3Aapp%3Apull%2Cpush") != std::string::npos);
    BOOST_TEST(target.find("repository%3Abase%3Apull") != std::string::npos);
    BOOST_TEST(target.find("registry%3Acatalog%3A%2A") != std::string::npos);
    // The same wish again brings nothing new; a 403 without one is final.
    better = co_await on.who.improve(refused, on.url("/v2/app"), wanted);
    BOOST_TEST(!better);
    const auto denied = stage::refusal({}, 403);
    better = co_await on.who.improve(denied, on.url("/v2/app"), wanted);
    BOOST_TEST(!better);
}

BOOST_AUTO_TEST_CASE(insufficient_scope_asks_for_more) {
    run_coroutine(more_scopes);
}

asio::awaitable<void> another_host(asio::io_context& io) {
    stage on(io, numbered_tokens());
    on.who.learn(stage::refusal({"Basic realm=\"x\""}), on.url("/v2/"));
    const auth::access wanted{"app", {}};
    const transport::url elsewhere{{false, "127.0.0.1", 9}, "/blob"};
    const auto refused = stage::refusal({on.bearer()});
    const bool better = co_await on.who.improve(refused, elsewhere, wanted);
    BOOST_TEST(!better);
    BOOST_TEST(on.tokens.log().empty());
}

// B answers 401 and names A's realm: nothing is fetched for B (reliability-anchors A3).
BOOST_AUTO_TEST_CASE(challenge_of_another_host_is_ignored) {
    run_coroutine(another_host);
}

asio::awaitable<void> unsafe_realm(asio::io_context& io) {
    stage on(io, numbered_tokens());
    on.registry = {true, "reg.example.com", 443};
    on.who.set_origin(on.registry);
    const std::string unsafe = "Bearer realm=\"https://169.254.169.254/token\"";
    const error failed = [&] {
        try {
            on.who.learn(stage::refusal({unsafe}), on.url("/v2/"));
        } catch (const error& e) {
            return e;
        }
        return error(errc::internal, "no error");
    }();
    BOOST_TEST(failed.code() == errc::registry_protocol);
    BOOST_TEST(failed.message().find("169.254.169.254") != std::string::npos, failed.message());
    // Where Basic is offered too, it is taken.
    on.who.learn(stage::refusal({unsafe, "Basic realm=\"x\""}), on.url("/v2/"));
    const std::string header = co_await on.header_for("app");
    BOOST_TEST(header.starts_with("Basic "));
}

BOOST_AUTO_TEST_CASE(realm_at_an_internal_address_refused) {
    run_coroutine(unsafe_realm);
}

asio::awaitable<error> refused_by(asio::io_context& io, answer says) {
    stage on(io, [says](const seen_request&) { return says; });
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    const error failed = co_await error_of(on.header_for("app"));
    BOOST_TEST(failed.message().find("MARKER") == std::string::npos);
    BOOST_TEST(failed.cause().find("MARKER") == std::string::npos);
    co_return failed;
}

asio::awaitable<void> token_server_refuses(asio::io_context& io) {
    const error wrong = co_await refused_by(
        io, answer::json(401, R"({"details":"incorrect username or password"})"));
    BOOST_TEST(wrong.code() == errc::registry_unauthorized);
    BOOST_TEST(
        wrong.message().find("rejected the credentials of user from --username")
        != std::string::npos);
    BOOST_TEST(wrong.cause().find("incorrect username or password") != std::string::npos);
    const error busy = co_await refused_by(io, answer::with(503));
    BOOST_TEST(busy.code() == errc::registry_failed);
    BOOST_TEST(busy.http_status() == 503);
    answer redirect = answer::with(307);
    redirect.header("Location", "https://elsewhere.example.com/token");
    const error redirected = co_await refused_by(io, redirect);
    BOOST_TEST(redirected.code() == errc::registry_protocol);
    const error nonsense =
        co_await refused_by(io, answer::with(200, "<html>hello</html>", "text/html"));
    BOOST_TEST(nonsense.code() == errc::registry_protocol);
    const error cut = co_await refused_by(
        io, answer::json(200, R"({"token":")" + std::string(200'000, 'x') + "\"}"));
    BOOST_TEST(cut.code() == errc::registry_protocol);
}

// Wrong credentials are class auth and final; a token server that is down is the registry's
// failure.
BOOST_AUTO_TEST_CASE(refusals_of_the_token_server) {
    run_coroutine(token_server_refuses);
}

asio::awaitable<void>
identity_token(asio::io_context& io, int post_status, std::string user, std::string expected) {
    auto script = [post_status](const seen_request& request) {
        if (request.method == "POST" && post_status != 200)
            return answer::with(post_status);
        return answer::json(200, "{\"access_token\":\"by-" + request.method + "\"}");
    };
    connection_options options;
    const temp_auth file(user);
    options.auth_file = file.path;
    stage on(io, script, options);
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    if (expected.empty()) {
        const error failed = co_await error_of(on.header_for("app"));
        BOOST_TEST(failed.code() == errc::registry_refused);
        co_return;
    }
    const std::string header = co_await on.header_for("app");
    BOOST_TEST(header == expected);
    BOOST_TEST(on.tokens.log().front().method == "POST");
    BOOST_TEST(on.tokens.log().front().target == "/token");
}

// An identity token goes by POST; servers that know only GET get the password, if there is one.
BOOST_AUTO_TEST_CASE(identity_token_goes_by_post) {
    run_coroutine(
        [](asio::io_context& io) { return identity_token(io, 200, "", "Bearer by-POST"); });
    run_coroutine(
        [](asio::io_context& io) { return identity_token(io, 405, "user", "Bearer by-GET"); });
    run_coroutine([](asio::io_context& io) { return identity_token(io, 404, "", ""); });
}

asio::awaitable<void> given_token(asio::io_context& io) {
    connection_options options = as_somebody();
    options.registry_token = "given";
    stage on(io, numbered_tokens(), options);
    on.who.learn(stage::refusal({on.bearer()}), on.url("/v2/"));
    const std::string header = co_await on.header_for("app");
    BOOST_TEST(header == "Bearer given");
    const auth::access wanted{"app", {}};
    const auto refused = stage::refusal({on.bearer()});
    const bool better = co_await on.who.improve(refused, on.url("/v2/"), wanted);
    BOOST_TEST(!better);
    BOOST_TEST(on.tokens.log().empty());
}

BOOST_AUTO_TEST_CASE(registry_token_is_sent_as_it_is) {
    run_coroutine(given_token);
}

BOOST_AUTO_TEST_SUITE_END()
