#include "registry/referrers.hpp"

#include "archive/oci_document.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/expect_error.hpp"
#include "support/fake_registry.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_referrers)

using namespace tarpon;
using namespace tarpon::test;
namespace asio = boost::asio;
namespace mt = tarpon::media_type;

const std::string repository = "team/app";
const digest subject = digest_of("the subject");
const std::string tag = registry::referrers_tag(subject);

/// An artifact manifest that refers to the subject.
std::string artifact(const std::string& type) {
    return concat(
        R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest, R"(","artifactType":")", type,
        R"(","config":{"mediaType":")", mt::oci_empty, R"(","digest":")", digest_of("{}").str(),
        R"(","size":2},"layers":[],"subject":{"mediaType":")", mt::oci_manifest, R"(","digest":")",
        subject.str(), R"(","size":11},"annotations":{"who":"me"}})");
}

descriptor described(const std::string& bytes) {
    return {std::string(mt::oci_manifest), digest_of(bytes), bytes.size()};
}

archive::manifest_document list_of(const std::string& bytes) {
    return archive::parse_manifest(bytes, mt::oci_index).value();
}

BOOST_AUTO_TEST_CASE(tag_is_made_of_the_digest) {
    BOOST_TEST(registry::referrers_tag(digest_of("")) == concat("sha256-", digest_of("").hex()));
    const std::string hex(128, 'a');
    BOOST_TEST(
        registry::referrers_tag(digest::parse("sha512:" + hex).value())
        == concat("sha512-", hex.substr(0, 64)));
}

// distribution-spec, "Pushing Manifests with Subject": type, annotations, what was there before.
BOOST_AUTO_TEST_CASE(entries_are_added_once) {
    const std::string one = artifact("application/one"), two = artifact("application/two");
    const std::string first = registry::with_referrer("", described(one), one).value();
    const std::string both = registry::with_referrer(first, described(two), two).value();
    BOOST_TEST(registry::with_referrer(both, described(one), one).value() == both);
    const auto list = list_of(both);
    BOOST_REQUIRE(list.manifests.size() == 2u);
    BOOST_TEST(list.manifests[0].digest == digest_of(one));
    BOOST_TEST(list.manifests[0].size == one.size());
    BOOST_TEST(list.manifests[0].artifact_type == "application/one");
    BOOST_TEST(list.manifests[1].artifact_type == "application/two");
    BOOST_TEST(list.manifests[1].annotations.at("who") == "me");
}

BOOST_AUTO_TEST_CASE(what_is_no_list_is_not_overwritten) {
    const std::string one = artifact("application/one");
    for (const std::string& bad : {std::string("{"), std::string("[]"), one})
        BOOST_TEST(!registry::with_referrer(bad, described(one), one).has_value());
}

struct scene {
    std::function<void(fake_registry&)> arrange = [](fake_registry&) {
    };
    std::vector<std::string> pushed{artifact("application/one")};

    std::optional<error> failed;
    std::string steps;
    std::vector<seen_request> log;
    std::optional<archive::manifest_document> list;

    asio::awaitable<void> list_all(registry_client& client) {
        try {
            for (const std::string& bytes : pushed)
                co_await registry::list_referrer(
                    client.session(), repository, described(bytes), bytes);
        } catch (const error& e) {
            failed = e;
        }
    }
    asio::awaitable<void> go(asio::io_context& io) {
        fake_registry registry(io);
        registry.options.checks_references = false;
        arrange(registry);
        registry_client client(io, registry.host());
        co_await list_all(client);
        steps = registry.steps();
        log.assign(registry.server().log().begin(), registry.server().log().end());
        if (const auto* found = registry.tagged(repository, tag))
            list = archive::parse_manifest(found->bytes, found->media_type).value();
    }
    scene& run() {
        run_coroutine([this](asio::io_context& io) { return go(io); });
        return *this;
    }
};

BOOST_AUTO_TEST_CASE(new_list_is_written_and_looked_at) {
    scene s;
    s.pushed.push_back(artifact("application/two"));
    s.pushed.push_back(s.pushed.front());
    s.run();
    BOOST_TEST(!s.failed.has_value());
    BOOST_TEST(
        s.steps
        == "get_manifest put_manifest get_manifest get_manifest put_manifest get_manifest "
           "get_manifest");
    BOOST_REQUIRE(s.list.has_value());
    BOOST_TEST(s.list->manifests.size() == 2u);
}

// Somebody else's list comes between ours and the look at it.
BOOST_AUTO_TEST_CASE(lost_entry_is_written_again) {
    scene s;
    s.arrange = [](fake_registry& registry) {
        registry.adjust = [&registry, left = 1](const registry_request& request, answer&) mutable {
            if (request.what != step::put_manifest || left-- <= 0)
                return;
            const std::string other = artifact("application/other");
            registry.add_manifest(
                repository, tag, std::string(mt::oci_index),
                registry::with_referrer("", described(other), other).value());
        };
    };
    s.run();
    BOOST_TEST(!s.failed.has_value());
    BOOST_REQUIRE(s.list.has_value());
    BOOST_TEST(s.list->manifests.size() == 2u);
}

BOOST_AUTO_TEST_CASE(registry_that_keeps_nothing_is_an_error) {
    scene s;
    s.arrange = [](fake_registry& registry) {
        registry.intercept = [](const registry_request& request) {
            return request.what == step::put_manifest ? std::optional(answer::with(201))
                                                      : std::nullopt;
        };
    };
    s.run();
    BOOST_REQUIRE(s.failed.has_value());
    BOOST_TEST(s.failed->code() == errc::registry_failed);
}

// A write is bound to what was read, where the registry can do that.
BOOST_AUTO_TEST_CASE(etag_guards_the_list) {
    scene s;
    s.arrange = [](fake_registry& registry) {
        const std::string other = artifact("application/other");
        registry.add_manifest(
            repository, tag, std::string(mt::oci_index),
            registry::with_referrer("", described(other), other).value());
        registry.adjust = [](const registry_request& request, answer& reply) {
            if (request.what == step::get_manifest)
                reply.header("ETag", "\"v1\"");
        };
        registry.intercept =
            [left = 1](const registry_request& request) mutable -> std::optional<answer> {
            if (request.what != step::put_manifest || left-- <= 0)
                return std::nullopt;
            return answer::with(412);
        };
    };
    s.run();
    BOOST_TEST(!s.failed.has_value());
    BOOST_TEST(s.list->manifests.size() == 2u);
    for (const seen_request& request : s.log)
        if (request.method == "PUT")
            BOOST_TEST(request.header("If-Match") == "\"v1\"");
}

// 403, a body without an end, something else under the tag: nothing is overwritten.
BOOST_AUTO_TEST_CASE(unreadable_list_is_an_error) {
    answer endless = answer::with(200, "{", std::string(mt::oci_index));
    endless.how = answer::framing::until_close;
    for (const answer& says :
         {answer::with(403), endless, answer::with(200, "[]"), answer::with(200)}) {
        scene s;
        s.arrange = [&says](fake_registry& registry) {
            registry.intercept = [&says](const registry_request& request) {
                return request.what == step::get_manifest ? std::optional(says) : std::nullopt;
            };
        };
        s.run();
        BOOST_TEST(s.failed.has_value());
        BOOST_TEST(s.steps == "get_manifest");
    }
}

BOOST_AUTO_TEST_CASE(manifest_without_a_subject_needs_nothing) {
    scene s;
    s.pushed = {concat(R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest, "\"}")};
    s.run();
    BOOST_TEST(s.log.empty());
}

BOOST_AUTO_TEST_SUITE_END()
