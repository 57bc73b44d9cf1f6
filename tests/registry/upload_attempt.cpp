#include "registry/upload_attempt.hpp"

#include "model/hasher.hpp"
#include "model/text.hpp"
#include "support/blob_body.hpp"
#include "support/fake_registry.hpp"
#include "support/printing.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_upload_attempt)

namespace asio = boost::asio;
namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using namespace std::chrono_literals;
using registry::upload_shape;

const std::string repository = "team/app";

/// One blob on its way to a registry that may be odd.
struct scene {
    std::string text = make_text(100'000);
    bool digest_known = true; ///< and the length
    bool repeatable = true;
    bool honest = true; ///< else the end of the body throws errc::digest_mismatch
    registry::session_settings settings;
    registry_options options;
    std::function<void(fake_registry&)> arrange = [](fake_registry&) {
    };

    // What came of it.
    std::optional<registry::blob_result> result;
    std::optional<error> failed;
    std::size_t bodies = 0;
    std::size_t taken = 0; ///< bytes, from the last body
    std::vector<retry_event> told;
    std::string steps; ///< without the ping
    std::vector<seen_request> log;
    std::size_t uploads_open = 0;
    bool stored = false;

    scene() {
        settings.retry = {3, 1ms, [this](const retry_event& event) {
                              told.push_back(event);
                          }};
        settings.chunk_bytes = 40'000;
        settings.chunk_bytes_max = 40'000;
    }
    static std::string make_text(std::size_t size) {
        std::string text;
        while (text.size() < size)
            text += concat(text.size(), ' ');
        text.resize(size);
        return text;
    }

    asio::awaitable<std::unique_ptr<registry::upload_body>> open_body() {
        ++bodies;
        const body_habits habits{.step = 3'000, .known_length = digest_known};
        co_return std::make_unique<blob_body>(text, habits, honest, taken);
    }

    asio::awaitable<void> put(registry_client& client) {
        registry::blob_request request;
        request.repository = repository;
        request.facts.probe = false;
        if (digest_known) {
            request.facts.digest = digest_of(text);
            request.size = text.size();
        }
        request.open_body = [this] {
            return open_body();
        };
        request.repeatable = repeatable;
        try {
            co_await client.session().open();
            result = co_await registry::put_blob(client.session(), std::move(request));
        } catch (const error& e) {
            failed = e;
        }
    }

    asio::awaitable<void> go(asio::io_context& io) {
        fake_registry registry(io, options);
        arrange(registry);
        registry_client client(io, registry.host(), {}, registry::scheme_choice::http, settings);
        co_await put(client);
        steps = registry.steps().substr(5);
        log.assign(registry.server().log().begin() + 1, registry.server().log().end());
        uploads_open = registry.uploads_open();
        const std::string* found = registry.blob(repository, digest_of(text));
        stored = found && *found == text;
    }
    scene& run() {
        run_coroutine([this](asio::io_context& io) { return go(io); });
        return *this;
    }

    std::string why() const { return failed ? failed->message() + ": " + failed->cause() : ""; }
    void check_stored() const {
        BOOST_TEST(result.has_value(), why());
        BOOST_TEST(stored);
        BOOST_TEST(uploads_open == 0u);
    }
};

/// Fails a step the first `times` times.
std::function<void(fake_registry&)> failing(step what, int times, answer with) {
    return [=](fake_registry& registry) {
        registry.intercept = [what, with, left = times](const registry_request& request) mutable {
            const bool fails = request.what == what && left > 0;
            left -= fails ? 1 : 0;
            return fails ? std::optional(with) : std::nullopt;
        };
    };
}

/// Lets a step be done, and loses the first answer to it.
std::function<void(fake_registry&)> losing_answer(step what) {
    return [=](fake_registry& registry) {
        registry.adjust = [what, left = 1](const registry_request& request, answer& reply) mutable {
            if (request.what == what && left-- > 0)
                reply = answer::none(answer::next::reset);
        };
    };
}

// --- shapes
// ---------------------------------------------------------------------------------------

// nginx with client_max_body_size, and everything else that counts bytes.
BOOST_DATA_TEST_CASE(too_large_becomes_chunks, bdata::make({false, true}), known) {
    scene s;
    s.digest_known = known;
    s.options.blob_bytes_max = 50'000;
    s.run().check_stored();
    BOOST_TEST(s.bodies == 2u);
    const seen_request* last = nullptr;
    std::string ranges;
    for (const seen_request& one : s.log)
        if (one.method == "PATCH" && !one.header("Content-Range").empty()) {
            ranges += concat(one.header("Content-Range"), " ");
            last = &one;
        }
    BOOST_TEST(ranges == "0-39999 40000-79999 80000-99999 ");
    BOOST_REQUIRE(last);
    BOOST_TEST(last->header("Content-Length") == "20000");
}

// The size that goes through is found by halving, in one session.
BOOST_AUTO_TEST_CASE(chunks_shrink_until_they_fit) {
    scene s;
    s.settings.chunks = chunking::always;
    s.options.blob_bytes_max = 20'000;
    s.repeatable = false; // the chunk is still here
    s.run().check_stored();
    BOOST_TEST(s.bodies == 1u);
    BOOST_TEST(s.steps == "open_upload patch patch patch patch patch patch put");
}

BOOST_AUTO_TEST_CASE(too_large_is_the_end_without_chunks) {
    scene s;
    s.settings.chunks = chunking::never;
    s.options.blob_bytes_max = 50'000;
    s.run();
    BOOST_REQUIRE(s.failed.has_value());
    BOOST_TEST((s.failed->code() == errc::registry_too_large));
    BOOST_TEST(s.failed->hint().find("--chunk-size") != std::string::npos);
}

BOOST_DATA_TEST_CASE(refused_patch_becomes_one_put, bdata::make({400, 405, 416, 501}), status) {
    scene s;
    s.options.whole_patch_status = status;
    s.run().check_stored();
    BOOST_TEST(s.steps.ends_with("open_upload put"), s.steps);
    BOOST_TEST(s.log.back().header("Content-Length") == "100000");
    BOOST_TEST(s.told.empty()); // another way, not another try
}

// What the archive got wrong is the archive's failure, however the registry says so.
BOOST_AUTO_TEST_CASE(wrong_content_in_one_put_is_the_archive_s_failure) {
    scene s;
    s.honest = false;
    s.options.whole_patch_status = 405;
    s.arrange = failing(step::put, 1, answer::with(400, "digest").after_body_bytes(100'000));
    s.run();
    BOOST_REQUIRE(s.failed.has_value());
    BOOST_TEST((s.failed->code() == errc::digest_mismatch));
    BOOST_TEST(s.bodies == 2u);
}

// Old proxies want to know how long a body is; a layer that is being compressed cannot say.
BOOST_DATA_TEST_CASE(bodies_of_unknown_length_become_chunks, bdata::make({411, 501}), status) {
    scene s;
    s.digest_known = false;
    s.options.chunked_framing_status = status;
    s.run().check_stored();
    for (const seen_request& one : s.log)
        if (one.complete && one.method == "PATCH")
            BOOST_TEST(!one.header("Content-Length").empty());
}

// GAR knows no chunks.
BOOST_AUTO_TEST_CASE(refused_chunks_become_one_patch) {
    scene s;
    s.settings.chunks = chunking::always;
    s.options.content_range_status = 416;
    s.run().check_stored();
    BOOST_TEST(s.log[s.log.size() - 2].header("Content-Range").empty());
}

BOOST_AUTO_TEST_CASE(chunks_that_a_registry_announces_are_used) {
    scene s;
    s.options.chunk_max = "30000";
    s.repeatable = false;
    s.run().check_stored();
    BOOST_TEST(s.steps == "open_upload patch patch patch patch put");
}

// What one blob has found out the next one knows.
asio::awaitable<void> two_blobs(asio::io_context& io, scene& s) {
    fake_registry registry(io, s.options);
    registry_client client(io, registry.host(), {}, registry::scheme_choice::http, s.settings);
    co_await s.put(client);
    registry.forget_history();
    s.text += "another";
    co_await s.put(client);
    BOOST_TEST(registry.steps() == "open_upload patch patch patch put");
    BOOST_TEST(s.bodies == 3u);
}

BOOST_AUTO_TEST_CASE(what_worked_is_remembered) {
    scene s;
    s.options.blob_bytes_max = 50'000;
    run_coroutine([&](asio::io_context& io) { return two_blobs(io, s); });
}

// --- failures in the body
// -------------------------------------------------------------------------

const answer body_failures[] = {
    answer::none(answer::next::reset).after_body_bytes(0),
    answer::none(answer::next::reset).after_body_bytes(50'000),
    answer::none(answer::next::close).after_body_bytes(99'999),
    answer::with(500, "broken").after_body_bytes(1'000'000),
    answer::with(503, "busy").header("Connection", "close").after_body_bytes(10'000),
    answer::with(404, "gone").after_body_bytes(1'000'000),
};

BOOST_DATA_TEST_CASE(
    blob_begins_anew,
    bdata::xrange(std::size(body_failures)) * bdata::make({1, 2, 3}),
    which,
    times) {
    scene s;
    s.arrange = failing(step::patch, times, body_failures[which]);
    s.run().check_stored();
    BOOST_TEST(s.bodies == static_cast<std::size_t>(times) + 1);
    BOOST_TEST(s.told.size() == static_cast<std::size_t>(times));
}

BOOST_DATA_TEST_CASE(tries_end, bdata::xrange(std::size(body_failures)), which) {
    scene s;
    s.arrange = failing(step::patch, 100, body_failures[which]);
    s.run();
    BOOST_TEST(s.failed.has_value());
    BOOST_TEST(s.bodies == 4u);
    BOOST_TEST(!s.stored);
}

// From a pipe there is no second body.
BOOST_DATA_TEST_CASE(
    body_that_cannot_be_had_again_fails, bdata::xrange(std::size(body_failures)), which) {
    scene s;
    s.repeatable = false;
    s.arrange = failing(step::patch, 1, body_failures[which]);
    s.run();
    BOOST_TEST(s.failed.has_value());
    BOOST_TEST(s.bodies == 1u);
}

// A chunk is held until it has arrived, so that a pipe can go on too.
BOOST_DATA_TEST_CASE(chunk_is_sent_again, bdata::xrange(5), which) {
    scene s;
    s.settings.chunks = chunking::always;
    s.repeatable = false;
    s.arrange = failing(step::patch, 2, body_failures[which]);
    s.run().check_stored();
    BOOST_TEST(s.bodies == 1u);
    BOOST_TEST(s.told.size() == 2u);
}

// The registry has the chunk and the answer is lost: it must not be there twice.
BOOST_AUTO_TEST_CASE(chunk_that_arrived_is_not_sent_again) {
    scene s;
    s.settings.chunks = chunking::always;
    s.repeatable = false;
    s.arrange = losing_answer(step::patch);
    s.run().check_stored();
    BOOST_TEST(s.steps == "open_upload patch upload_status patch patch put");
}

// --- commit
// ---------------------------------------------------------------------------------------

BOOST_DATA_TEST_CASE(commit_is_repeated, bdata::make({false, true}), repeatable) {
    scene s;
    s.repeatable = repeatable;
    s.arrange = failing(step::put, 2, answer::with(503, "busy"));
    s.run().check_stored();
    BOOST_TEST(s.bodies == 1u);
    BOOST_TEST(s.steps == "open_upload patch put head_blob put head_blob put");
}

BOOST_DATA_TEST_CASE(
    commit_that_was_heard_is_settled_by_looking, bdata::make({false, true}), known) {
    scene s;
    s.digest_known = known;
    s.repeatable = false;
    s.arrange = losing_answer(step::put);
    s.run().check_stored();
    BOOST_TEST(s.bodies == 1u);
    // The second PUT is that of a connection that might only have been idle for too long.
    BOOST_TEST(s.steps == "open_upload patch put put head_blob");
}

// The registry was restarted and has forgotten the session.
BOOST_AUTO_TEST_CASE(lost_session_begins_the_blob_anew) {
    scene s;
    s.arrange = failing(step::put, 1, answer::with(404, "gone"));
    s.run().check_stored();
    BOOST_TEST(s.bodies == 2u);
}

BOOST_AUTO_TEST_CASE(wrong_content_is_not_tried_again) {
    scene s;
    s.arrange = failing(step::put, 1, answer::with(400, "digest"));
    s.run();
    BOOST_TEST(s.failed.has_value());
    BOOST_TEST(s.bodies == 1u);
}

// --- redirects
// ------------------------------------------------------------------------------------

answer redirected(fake_registry& registry, const registry_request& request) {
    return answer::with(307)
        .header("Location", concat("http://", registry.other_server().host(), request.http.target))
        .after_body_bytes(1'000'000);
}

/// Sends each body once to another origin, which is the same registry.
std::function<void(fake_registry&)> redirecting(step what, int times = 1000) {
    return [=](fake_registry& registry) {
        registry.intercept = [&registry, what, left = times](
                                 const registry_request& request) mutable -> std::optional<answer> {
            const bool here = request.http.header("Host") == registry.host();
            if (request.what != what || !here || left-- <= 0)
                return std::nullopt;
            return redirected(registry, request);
        };
    };
}

BOOST_DATA_TEST_CASE(redirected_bodies_are_sent_again, bdata::make({0, 1, 2}), which) {
    scene s;
    s.arrange = redirecting(which == 2 ? step::put : step::patch);
    if (which == 1)
        s.settings.chunks = chunking::always;
    if (which == 2)
        s.options.whole_patch_status = 405;
    s.run().check_stored();
    BOOST_TEST(s.told.empty());
    for (const seen_request& request : s.log)
        BOOST_TEST(request.target.find("digest=") == request.target.rfind("digest="));
}

BOOST_AUTO_TEST_CASE(body_that_is_gone_is_not_sent_elsewhere) {
    scene s;
    s.repeatable = false;
    s.arrange = redirecting(step::patch);
    s.run();
    BOOST_REQUIRE(s.failed.has_value());
    BOOST_TEST(s.failed->code() == errc::registry_protocol);
    BOOST_TEST(s.failed->message().find("cannot be sent twice") != std::string::npos);
}

// The answer that opens a session comes from elsewhere: its Location is relative to that place.
BOOST_DATA_TEST_CASE(bodiless_requests_are_redirected, bdata::make({false, true}), commit) {
    scene s;
    s.arrange = redirecting(commit ? step::put : step::open_upload);
    s.run().check_stored();
}

// A store of its own may take a moment.
BOOST_AUTO_TEST_CASE(redirected_commit_may_show_late) {
    scene s;
    s.arrange = [](fake_registry& registry) {
        registry.intercept = [&registry, late = true](
                                 const registry_request& request) mutable -> std::optional<answer> {
            if (request.what == step::head_blob && std::exchange(late, false))
                return answer::with(404);
            const bool here = request.http.header("Host") == registry.host();
            return request.what == step::put && here ? std::optional(redirected(registry, request))
                                                     : std::nullopt;
        };
    };
    s.run().check_stored();
}

// What the registry has under the digest is not what we have.
BOOST_AUTO_TEST_CASE(blob_of_another_size_is_not_taken_for_ours) {
    scene s;
    s.digest_known = true;
    s.arrange = [](fake_registry& registry) {
        registry.intercept =
            [failed = false](const registry_request& request) mutable -> std::optional<answer> {
            if (request.what == step::head_blob) {
                answer reply = answer::with(200);
                reply.stated_length = 1000;
                return reply;
            }
            if (request.what == step::patch && !std::exchange(failed, true))
                return answer::with(503).after_body_bytes(1'000'000);
            return std::nullopt;
        };
    };
    s.run().check_stored();
}

// Somebody else said 201; the registry itself knows nothing of the blob.
BOOST_DATA_TEST_CASE(yes_from_elsewhere_is_looked_into, bdata::make({false, true}), whole) {
    scene s;
    if (whole)
        s.options.whole_patch_status = 405;
    s.arrange = [](fake_registry& registry) {
        registry.intercept = [&registry](const registry_request& request) -> std::optional<answer> {
            if (request.what != step::put)
                return std::nullopt;
            if (request.http.header("Host") == registry.host())
                return redirected(registry, request);
            return answer::with(201).after_body_bytes(1'000'000);
        };
    };
    s.run();
    BOOST_REQUIRE_MESSAGE(s.failed.has_value(), s.steps);
    BOOST_TEST(s.failed->code() == errc::registry_protocol);
    BOOST_TEST(s.failed->message().find("does not have it") != std::string::npos, s.why());
}

BOOST_AUTO_TEST_SUITE_END()
