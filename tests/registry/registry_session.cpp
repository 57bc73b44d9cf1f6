#include "registry/registry_session.hpp"

#include "model/text.hpp"
#include "support/expect_error.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"
#include "support/scripted_server.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_registry_session)

using namespace tarpon;
using namespace tarpon::test;
namespace asio = boost::asio;

using script = std::function<answer(const seen_request&)>;

connection_options as_somebody() {
    connection_options options;
    options.username = "user";
    options.password = "MARKER";
    return options;
}

answer challenge() {
    answer wants = answer::with(401);
    wants.header("WWW-Authenticate", "Basic realm=\"test\"");
    return wants;
}

answer redirect(const std::string& where, int status = 307) {
    answer elsewhere = answer::with(status);
    elsewhere.header("Location", where);
    return elsewhere;
}

/// A registry that wants a password and answers every other request with `says`.
script guarded(answer says) {
    return [says](const seen_request& request) {
        return request.header("Authorization").empty() ? challenge() : says;
    };
}

/// GET of a blob after the first contact.
asio::awaitable<transport::http_response> fetch(registry_client& client) {
    registry::registry_session& session = client.session();
    co_await session.open();
    transport::http_request request;
    request.method = "GET";
    request.to = session.api("team/app", "blobs/x");
    const registry::asked why{"to give a blob", session.host(), "team/app"};
    co_return co_await session.send(std::move(request), why);
}

asio::awaitable<void> followed_bare(asio::io_context& io, int status) {
    scripted_server storage(io, [](const seen_request&) { return answer::with(200, "blob"); });
    scripted_server front(io, guarded(redirect("http://" + storage.host() + "/b?sig=1", status)));
    registry_client client(io, front.host(), as_somebody());
    const auto response = co_await fetch(client);
    BOOST_TEST(response.body == "blob");
    BOOST_REQUIRE(storage.log().size() == 1u);
    BOOST_TEST(storage.log().front().header("Authorization").empty());
}

// Another port is another origin: it gets no credentials (reliability-anchors A2).
BOOST_AUTO_TEST_CASE(redirect_to_another_origin_goes_without_credentials) {
    for (const int status : {301, 302, 303, 307, 308})
        run_coroutine([&](asio::io_context& io) { return followed_bare(io, status); });
}

asio::awaitable<void> other_host_asks(asio::io_context& io) {
    scripted_server storage(io, [](const seen_request&) { return challenge(); });
    scripted_server front(io, guarded(redirect("http://" + storage.host() + "/b")));
    registry_client client(io, front.host(), as_somebody());
    const error failed = co_await error_of(fetch(client));
    BOOST_TEST(failed.code() == errc::registry_unauthorized);
    BOOST_TEST(storage.log().size() == 1u);
    for (const seen_request& request : storage.log())
        BOOST_TEST(request.header("Authorization").empty());
}

// Whoever we were sent to asks for a password: it gets none (reliability-anchors A3).
BOOST_AUTO_TEST_CASE(challenge_after_a_redirect_is_not_answered) {
    run_coroutine(other_host_asks);
}

asio::awaitable<void> refused(asio::io_context& io, std::string where, std::string_view words) {
    scripted_server front(io, guarded(redirect(where)));
    registry_client client(io, front.host(), as_somebody());
    const error failed = co_await error_of(fetch(client));
    BOOST_TEST(failed.code() == errc::registry_protocol);
    BOOST_TEST(failed.message().find(words) != std::string::npos, failed.message());
}

// A registry must not make us fetch from a cloud's metadata service or somebody's network.
BOOST_AUTO_TEST_CASE(redirect_to_an_internal_address_refused) {
    for (const char* where :
         {"http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[fe80::1]/",
          "http://0.0.0.0:1/"})
        run_coroutine([&](asio::io_context& io) { return refused(io, where, "internal address"); });
}

BOOST_AUTO_TEST_CASE(redirect_to_nowhere_refused) {
    for (const char* where : {"", "ftp://example.com/", "http://user:secret@example.com/"})
        run_coroutine([&](asio::io_context& io) { return refused(io, where, "to nowhere"); });
}

asio::awaitable<void> loop(asio::io_context& io) {
    scripted_server front(io, guarded(redirect("/v2/again")));
    registry_client client(io, front.host(), as_somebody());
    const error failed = co_await error_of(fetch(client));
    BOOST_TEST(failed.code() == errc::registry_protocol);
    BOOST_TEST(failed.message().find("more than") != std::string::npos);
    BOOST_TEST(front.log().size() <= static_cast<std::size_t>(limits::redirects_max) + 2);
}

BOOST_AUTO_TEST_CASE(redirects_are_counted) {
    run_coroutine(loop);
}

asio::awaitable<error> opening(asio::io_context& io, scripted_server& server) {
    registry_client client(io, server.host(), {}, registry::scheme_choice::by_host);
    co_return co_await error_of(client.session().open());
}

asio::awaitable<void> untrusted(asio::io_context& io) {
    const tls_identity identity = self_signed({.ip_addresses = {"127.0.0.1"}});
    scripted_server server(
        io, [](const seen_request&) { return answer::with(200); }, identity);
    const error failed = co_await opening(io, server);
    BOOST_TEST(failed.code() == errc::transport_tls);
    BOOST_TEST(server.log().empty());
    BOOST_TEST(server.connections() == 1u);
}

// A certificate that is not trusted never leads to plain HTTP (CVE-2014-5277).
BOOST_AUTO_TEST_CASE(untrusted_certificate_on_loopback_is_final) {
    run_coroutine(untrusted);
}

asio::awaitable<void> plain(asio::io_context& io) {
    scripted_server server(io, [](const seen_request&) { return answer::json(200, "{}"); });
    registry_client client(io, server.host(), {}, registry::scheme_choice::by_host);
    co_await client.session().open();
    BOOST_TEST(!client.session().where().tls);
    BOOST_TEST(server.log().back().target == "/v2/");
}

BOOST_AUTO_TEST_CASE(loopback_without_tls_is_spoken_to_in_plain) {
    run_coroutine(plain);
}

asio::awaitable<void> no_registry(asio::io_context& io) {
    scripted_server server(io, [](const seen_request&) { return answer::with(404); });
    registry_client client(io, server.host());
    const error failed = co_await error_of(client.session().open());
    BOOST_TEST(failed.code() == errc::registry_not_found);
    BOOST_TEST(failed.message().find("there is no registry at") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(missing_v2_means_no_registry) {
    run_coroutine(no_registry);
}

/// A request with a small body, or none, after the first contact.
asio::awaitable<transport::http_response> ask(registry_client& client, std::string method) {
    registry::registry_session& session = client.session();
    co_await session.open();
    transport::http_request request;
    request.method = std::move(method);
    request.to = session.api("team/app", "manifests/1");
    request.body = "body";
    const registry::asked why{"the manifest", session.host(), "team/app"};
    co_return co_await session.send(std::move(request), why);
}

asio::awaitable<void> body_redirected(asio::io_context& io, std::string method, int status) {
    std::string came;
    const auto take = [&came](const seen_request& request) {
        came = concat(request.method, " ", request.body);
        return answer::with(201);
    };
    scripted_server storage(io, take);
    scripted_server front(io, guarded(redirect("http://" + storage.host() + "/m?sig=1", status)));
    registry_client client(io, front.host(), as_somebody());
    const auto response = co_await ask(client, method);
    if (status != 307 && status != 308) {
        BOOST_TEST(response.status == status);
        BOOST_TEST(storage.log().empty());
        co_return;
    }
    BOOST_TEST(response.status == 201);
    BOOST_TEST(came == method + " body");
    BOOST_REQUIRE(response.redirected_to.has_value());
    BOOST_TEST(response.redirected_to->at.port == storage.port());
    BOOST_TEST(storage.log().front().header("Authorization").empty());
}

// 307 and 308 keep method and body; of the others a client may make a GET, which would be a lie.
BOOST_AUTO_TEST_CASE(bodies_follow_redirects_that_keep_them) {
    for (const char* method : {"PUT", "POST"})
        for (const int status : {301, 302, 303, 307, 308})
            run_coroutine(
                [&](asio::io_context& io) { return body_redirected(io, method, status); });
}

asio::awaitable<void> cookies_and_warnings(asio::io_context& io) {
    scripted_server storage(io, [](const seen_request&) {
        return answer::with(200).header("Set-Cookie", "planted=1; Path=/");
    });
    const std::string away = "http://" + storage.host() + "/b";
    scripted_server front(io, [&](const seen_request& request) {
        answer says = request.target == "/v2/" ? answer::with(200) : redirect(away);
        return says.header("Set-Cookie", "route=COOKIE; Path=/").header("Warning", "299 - \"old\"");
    });
    std::string told;
    registry::session_settings with;
    with.warn = [&told](const std::string& text) {
        told += text + "\n";
    };
    registry_client client(io, front.host(), {}, registry::scheme_choice::http, std::move(with));
    for (int i = 0; i < 2; ++i)
        (void)co_await fetch(client);
    BOOST_TEST(front.log().front().header("Cookie").empty());
    BOOST_TEST(front.log().back().header("Cookie") == "route=COOKIE");
    for (const seen_request& request : storage.log())
        BOOST_TEST(request.header("Cookie").empty());
    BOOST_TEST(told == front.host() + " says: old\n");
}

// Sticky sessions: what the registry set goes back to it and to nobody else. Its warnings are told
// once.
BOOST_AUTO_TEST_CASE(cookies_go_back_and_warnings_are_told) {
    run_coroutine(cookies_and_warnings);
}

BOOST_AUTO_TEST_SUITE_END()
