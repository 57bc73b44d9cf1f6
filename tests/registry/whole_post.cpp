// One request for a small blob, where the registry takes it so; elsewhere it is tried once.
#include "registry/whole_post.hpp"

#include "model/hasher.hpp"
#include "support/expect_error.hpp"
#include "support/fake_registry.hpp"
#include "support/registry_client.hpp"
#include "support/turns.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_whole_post)

namespace asio = boost::asio;
using namespace tarpon;
using namespace tarpon::test;

const std::string text = "a small blob";

struct scene {
    asio::io_context io{1};
    fake_registry registry{io};
    registry_client client{io, registry.host(), {}};

    /// Twice, after the ping.
    std::pair<bool, bool> post_twice() {
        std::pair<bool, bool> stored;
        run_on_context(io, post(stored));
        return stored;
    }

private:
    asio::awaitable<void> post(std::pair<bool, bool>& stored) {
        co_await client.session().open();
        const descriptor content{{}, digest_of(text), text.size()};
        std::string bytes = text;
        stored.first =
            co_await registry::post_whole(client.session(), "team/app", content, std::move(bytes));
        bytes = text;
        stored.second =
            co_await registry::post_whole(client.session(), "team/app", content, std::move(bytes));
    }
};

BOOST_AUTO_TEST_CASE(where_it_is_taken) {
    scene s;
    s.registry.options.whole_post = true;
    const auto stored = s.post_twice();
    BOOST_TEST(stored.first);
    BOOST_TEST(stored.second);
    BOOST_TEST(s.registry.steps() == "ping whole_post whole_post");
    BOOST_TEST((*s.registry.blob("team/app", digest_of(text)) == text));
}

BOOST_AUTO_TEST_CASE(where_it_only_opens_an_upload) {
    scene s;
    const auto stored = s.post_twice();
    BOOST_TEST(!stored.first);
    BOOST_TEST(!stored.second);
    BOOST_TEST(s.registry.steps() == "ping whole_post drop_upload"); // not tried again
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

BOOST_AUTO_TEST_CASE(where_it_is_refused) {
    scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::whole_post)
            return std::nullopt;
        answer refused;
        refused.status = 405;
        return refused;
    };
    const auto stored = s.post_twice();
    BOOST_TEST(!stored.first);
    BOOST_TEST(!stored.second);
    BOOST_TEST(s.registry.count(step::whole_post) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
