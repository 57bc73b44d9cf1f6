#include "registry/retrier.hpp"

#include "model/hasher.hpp"
#include "registry/blob_upload.hpp"
#include "registry/manifest_api.hpp"
#include "support/expect_error.hpp"
#include "support/fake_registry.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_retrier)

namespace asio = boost::asio;
namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using namespace std::chrono_literals;

const digest some = digest::parse("sha256:" + std::string(64, 'a')).value();

/// A registry that fails `failures` times at one step, and a client that tries again.
struct scene {
    explicit scene(asio::io_context& io)
        : registry(io) {}

    fake_registry registry;
    std::vector<retry_event> told;
    int failures = 0;

    void fail_at(step what, int times, answer with) {
        failures = times;
        registry.intercept = [this, what, with](const registry_request& request) {
            const bool fails = request.what == what && failures > 0;
            failures -= fails ? 1 : 0;
            return fails ? std::optional(with) : std::nullopt;
        };
    }
    registry::session_settings settings(int retries) {
        registry::session_settings with;
        with.retry = {retries, 1ms, [this](const retry_event& event) {
                          told.push_back(event);
                      }};
        return with;
    }
};

/// `times` failures, of which one costs no try where the connection breaks: it may only have been
/// idle for too long.
asio::awaitable<void> look(asio::io_context& io, answer failure, int times, int retries) {
    scene s(io);
    const int free = failure.then == answer::next::request ? 0 : 1;
    s.fail_at(step::head_blob, times + free, std::move(failure));
    registry_client client(
        io, s.registry.host(), {}, registry::scheme_choice::http, s.settings(retries));
    co_await client.session().open();
    if (times > retries) {
        (void)co_await error_of(registry::head_blob(client.session(), "team/app", some));
    } else {
        const auto found = co_await registry::head_blob(client.session(), "team/app", some);
        BOOST_TEST(!found.present);
    }
    const int tries = std::min(times, retries);
    BOOST_TEST(s.registry.count(step::head_blob) == static_cast<std::size_t>(tries + free + 1));
    BOOST_REQUIRE(s.told.size() == static_cast<std::size_t>(tries));
    for (int i = 0; i < tries; ++i) {
        const retry_event& one = s.told[static_cast<std::size_t>(i)];
        BOOST_TEST(one.attempt == i + 1);
        BOOST_TEST(one.attempts_max == retries);
        BOOST_TEST(one.what.find("team/app") != std::string::npos);
        BOOST_TEST(!one.reason.empty());
    }
}

const answer failures[] = {
    answer::with(500, "broken"),
    answer::with(503, "<html>nginx</html>", "text/html"),
    answer::with(429, "slowly").header("Retry-After", "0"),
    answer::none(answer::next::reset),
    answer::none(answer::next::close),
};

BOOST_DATA_TEST_CASE(requests_are_repeated, bdata::xrange(std::size(failures)), which) {
    for (const int times : {1, 2, 3})
        run_coroutine([&](asio::io_context& io) { return look(io, failures[which], times, 2); });
}

BOOST_AUTO_TEST_CASE(nothing_is_repeated_where_nothing_may_be) {
    run_coroutine([](asio::io_context& io) { return look(io, failures[0], 1, 0); });
}

// 404, 403 and the like are answers.
asio::awaitable<void> decided(asio::io_context& io, int status) {
    scene s(io);
    s.fail_at(step::open_upload, 1, answer::with(status, "no"));
    registry_client client(io, s.registry.host(), {}, registry::scheme_choice::http, s.settings(3));
    co_await client.session().open();
    (void)co_await error_of(registry::probe_upload(client.session(), "team/app"));
    BOOST_TEST(s.registry.count(step::open_upload) == 1u);
    BOOST_TEST(s.told.empty());
}

BOOST_DATA_TEST_CASE(
    decisions_are_not_repeated, bdata::make({400, 403, 404, 405, 413, 415}), status) {
    run_coroutine([&](asio::io_context& io) { return decided(io, status); });
}

asio::awaitable<void> first_contact(asio::io_context& io, answer failure, bool repeated) {
    scene s(io);
    s.fail_at(step::ping, 2, std::move(failure));
    registry_client client(io, s.registry.host(), {}, registry::scheme_choice::http, s.settings(3));
    if (repeated)
        co_await client.session().open();
    else
        (void)co_await error_of(client.session().open());
    BOOST_TEST(s.told.size() == (repeated ? 2u : 0u));
}

// Overload may pass; a port on which nobody speaks HTTP is a mistake of whoever typed it.
BOOST_AUTO_TEST_CASE(first_contact_is_repeated_only_for_overload) {
    run_coroutine([](asio::io_context& io) { return first_contact(io, failures[1], true); });
    run_coroutine([](asio::io_context& io) { return first_contact(io, failures[3], false); });
}

asio::awaitable<void> pause(asio::io_context& io) {
    scene s(io);
    s.fail_at(step::head_blob, 1, answer::with(429, "slowly").header("Retry-After", "1"));
    registry_client client(io, s.registry.host(), {}, registry::scheme_choice::http, s.settings(3));
    co_await client.session().open();
    const auto begun = std::chrono::steady_clock::now();
    (void)co_await registry::head_blob(client.session(), "team/app", some);
    // Timers are never early; how late they are says nothing.
    BOOST_TEST((std::chrono::steady_clock::now() - begun >= 990ms));
    BOOST_REQUIRE(s.told.size() == 1u);
    BOOST_TEST((s.told[0].delay >= 900ms));
}

BOOST_AUTO_TEST_CASE(retry_after_is_waited_for) {
    run_coroutine(pause);
}

// A manifest is the same whenever it is put: repeating it does no harm.
asio::awaitable<void> manifest(asio::io_context& io) {
    scene s(io);
    s.registry.options.checks_references = false;
    s.fail_at(step::put_manifest, 2, answer::none(answer::next::reset));
    registry_client client(io, s.registry.host(), {}, registry::scheme_choice::http, s.settings(3));
    co_await client.session().open();
    const std::string type = "application/vnd.oci.image.index.v1+json";
    const std::string bytes = R"({"schemaVersion":2,"manifests":[]})";
    const descriptor content{type, digest_of(bytes), bytes.size()};
    co_await registry::put_manifest(client.session(), "team/app", "1.0", content, bytes);
    BOOST_TEST(s.registry.tags() == 1u);
    BOOST_TEST(s.told.size() == 1u); // and one more at no cost
}

BOOST_AUTO_TEST_CASE(manifests_are_put_again) {
    run_coroutine(manifest);
}

BOOST_AUTO_TEST_SUITE_END()
