#include "registry/blob_upload.hpp"

#include "async/task_group.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"
#include "support/blob_body.hpp"
#include "support/expect_error.hpp"
#include "support/fake_registry.hpp"
#include "support/registry_client.hpp"
#include "support/run_coroutine.hpp"
#include "support/turns.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_blob_upload)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using registry::blob_result;
using registry::upload_outcome;
namespace asio = boost::asio;
using place = registry_options::location;

const std::string repository = "team/app";
const std::string source_repository = "team/base";

/// One upload and how it is to go.
struct task {
    std::string text = "the content of a blob";
    bool digest_known = true;
    bool probe = true;
    bool mount = false;
    bool whole = false; ///< where it is possible
    body_habits habits = {};
    bool honest = true; ///< else the end of the body throws errc::digest_mismatch
    connection_options connection = {};

    digest content() const { return digest_of(text); }
};

/// How it went.
struct ending {
    std::optional<blob_result> result;
    std::optional<error> failed;
    std::size_t bodies = 0; ///< how often the body was opened
    std::size_t taken = 0;  ///< bytes taken from it
    std::size_t sent = 0;   ///< as told to on_sent
};

asio::awaitable<std::unique_ptr<registry::upload_body>> open_text(const task& what, ending& out) {
    ++out.bodies;
    co_return std::make_unique<blob_body>(what.text, what.habits, what.honest, out.taken);
}

registry::blob_request request_of(const task& what, ending& out) {
    registry::blob_request request;
    request.repository = repository;
    if (what.digest_known)
        request.facts.digest = what.content();
    request.facts.probe = what.probe;
    if (what.mount)
        request.facts.mount_from = source_repository;
    request.whole_if_possible = what.whole;
    if (what.whole) {
        request.size = what.text.size();
        request.repeatable = true;
    }
    request.open_body = [&what, &out] {
        return open_text(what, out);
    };
    request.on_sent = [&out](std::size_t bytes) {
        out.sent += bytes;
    };
    return request;
}

/// Throws only when it is cancelled.
asio::awaitable<void> put(registry_client& client, const task& what, ending& out) {
    try {
        co_await client.session().open();
        registry::blob_request request = request_of(what, out);
        out.result = co_await registry::put_blob(client.session(), std::move(request));
    } catch (const error& e) {
        out.failed = e;
    }
}

/// A registry, and what is left of it after an upload.
struct scene {
    asio::io_context io{1};
    fake_registry registry{io};

    ending upload(const task& what) {
        ending out;
        run_on_context(io, put_with_client(what, out));
        return out;
    }
    /// Without the ping.
    std::string steps() const { return registry.steps().substr(5); }

private:
    asio::awaitable<void> put_with_client(const task& what, ending& out) {
        registry_client client(io, registry.host(), what.connection);
        co_await put(client, what, out);
    }
};

void check_uploaded(scene& s, const task& what, const ending& out) {
    BOOST_REQUIRE_MESSAGE(
        out.result.has_value(), (out.failed ? out.failed->message() + out.failed->cause() : ""));
    BOOST_TEST((out.result->outcome == upload_outcome::uploaded));
    BOOST_TEST(out.result->content.digest == what.content());
    BOOST_TEST(out.result->content.size == what.text.size());
    const std::string* stored = s.registry.blob(repository, what.content());
    BOOST_REQUIRE(stored != nullptr);
    BOOST_TEST((*stored == what.text));
    BOOST_TEST(out.bodies == 1u);
    BOOST_TEST(out.sent == what.text.size());
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// Strategy S of section 2: one PATCH without Content-Range, PUT without a body.
BOOST_AUTO_TEST_CASE(known_blob_goes_with_its_length) {
    scene s;
    const task what;
    check_uploaded(s, what, s.upload(what));
    BOOST_TEST(s.steps() == "head_blob open_upload patch put");
    const auto& log = s.registry.server().log();
    BOOST_TEST(log[2].header("Content-Length") == "0"); // GAR answers 411 without
    BOOST_TEST(log[3].header("Content-Length") == std::to_string(what.text.size()));
    BOOST_TEST(log[3].header("Content-Type") == "application/octet-stream");
    BOOST_TEST(log[3].header("Content-Range").empty());
    BOOST_TEST(log[4].header("Content-Length") == "0");
    BOOST_TEST(log[4].parameter("digest").value() == what.content().str());
}

// One request less, for small ones.
BOOST_AUTO_TEST_CASE(small_blob_goes_with_its_put) {
    scene s;
    task what;
    what.whole = true;
    what.probe = false;
    check_uploaded(s, what, s.upload(what));
    BOOST_TEST(s.steps() == "open_upload put");
    const auto& put = s.registry.server().log()[2];
    BOOST_TEST(put.header("Content-Length") == std::to_string(what.text.size()));
    BOOST_TEST(put.parameter("digest").value() == what.content().str());
}

asio::awaitable<void>
put_two(registry_client& client, const task& first, const task& second, ending& out) {
    ending ignored;
    co_await put(client, first, ignored);
    co_await put(client, second, out);
}

// Harbor 1.9 answers such a PUT with 500: it is tried once in a run.
BOOST_AUTO_TEST_CASE(small_blob_is_patched_where_such_a_put_is_refused) {
    scene s;
    s.registry.options.put_body_status = 500;
    task first, second;
    first.whole = second.whole = true;
    first.probe = second.probe = false;
    second.text = "another blob";
    ending out;
    registry_client client(s.io, s.registry.host(), first.connection);
    run_on_context(s.io, put_two(client, first, second, out));
    BOOST_REQUIRE(out.result.has_value());
    BOOST_TEST(s.registry.blob(repository, first.content()) != nullptr);
    BOOST_TEST(s.registry.blob(repository, second.content()) != nullptr);
    BOOST_TEST(s.steps().ends_with("put open_upload patch put")); // the second one, at once
}

// A layer that is compressed while it is sent has neither digest nor length before its end.
BOOST_AUTO_TEST_CASE(blob_of_unknown_digest_goes_in_chunks) {
    scene s;
    task what;
    what.digest_known = false;
    what.habits.known_length = false;
    what.text = std::string(345'678, 'x');
    check_uploaded(s, what, s.upload(what));
    BOOST_TEST(s.steps() == "open_upload patch put");
    BOOST_TEST(s.registry.server().log()[2].header("Transfer-Encoding") == "chunked");
    BOOST_TEST(s.registry.server().log()[2].header("Content-Length").empty());
}

BOOST_AUTO_TEST_CASE(empty_blob_is_uploaded) {
    scene s;
    task what;
    what.text.clear();
    check_uploaded(s, what, s.upload(what));
}

// What is there is neither read nor sent.
BOOST_AUTO_TEST_CASE(blob_that_exists_is_not_read) {
    scene s;
    const task what;
    s.registry.add_blob(repository, what.text);
    const ending out = s.upload(what);
    BOOST_REQUIRE(out.result.has_value());
    BOOST_TEST((out.result->outcome == upload_outcome::exists));
    BOOST_TEST(out.result->content.digest == what.content());
    BOOST_TEST(out.bodies == 0u);
    BOOST_TEST(s.steps() == "head_blob");
}

BOOST_AUTO_TEST_CASE(blob_of_another_repository_is_mounted) {
    scene s;
    task what;
    what.probe = false;
    what.mount = true;
    s.registry.add_blob(source_repository, what.text);
    const ending out = s.upload(what);
    BOOST_REQUIRE(out.result.has_value());
    BOOST_TEST((out.result->outcome == upload_outcome::mounted));
    BOOST_TEST(out.bodies == 0u);
    BOOST_TEST(s.steps() == "mount");
    BOOST_TEST(s.registry.has_blob(repository, what.content()));
    const seen_request& asked = s.registry.server().log().back();
    BOOST_TEST(asked.parameter("mount").value() == what.content().str());
    BOOST_TEST(asked.parameter("from").value() == source_repository);
}

// Section 2.4: the session of a 202 is used; after any refusal an ordinary upload follows.
BOOST_DATA_TEST_CASE(
    refused_mount_becomes_an_upload, bdata::make({202, 400, 401, 403, 404, 405, 500}), status) {
    scene s;
    task what;
    what.probe = false;
    what.mount = true;
    s.registry.add_blob(source_repository, what.text);
    s.registry.options.mount_status = status;
    check_uploaded(s, what, s.upload(what));
    BOOST_TEST(s.steps() == (status == 202 ? "mount patch put" : "mount open_upload patch put"));
}

// Section 2.2 and 11: a session may be anywhere, with anything in its query, and may move.
BOOST_DATA_TEST_CASE(
    session_is_followed_wherever_it_is,
    bdata::make({"relative", "absolute", "elsewhere"}) * bdata::make({false, true})
        * bdata::make({false, true}),
    where,
    query,
    moving) {
    scene s;
    const bool elsewhere = where == std::string("elsewhere");
    s.registry.options.locations = elsewhere                          ? place::other_host
                                   : where == std::string("absolute") ? place::absolute
                                                                      : place::relative;
    s.registry.options.query_in_location = query;
    s.registry.options.moving_location = moving;
    const task what;
    check_uploaded(s, what, s.upload(what));
    const std::size_t there = elsewhere ? s.registry.other_server().log().size() : 0;
    BOOST_TEST(there == (elsewhere ? 2u : 0u));
}

BOOST_AUTO_TEST_CASE(session_without_a_new_location_stays) {
    scene s;
    s.registry.options.location_after_patch = false;
    s.registry.options.range_header = false;
    const task what;
    check_uploaded(s, what, s.upload(what));
}

// reliability-anchors A4: credentials go to the registry's origin and nowhere else.
BOOST_AUTO_TEST_CASE(session_elsewhere_gets_no_credentials) {
    scene s;
    s.registry.options.locations = place::other_host;
    s.registry.options.username = "alice";
    s.registry.options.password = "opensesame";
    task what;
    what.connection.username = "alice";
    what.connection.password = "opensesame";
    check_uploaded(s, what, s.upload(what));
    BOOST_TEST(s.registry.other_server().log().size() == 2u);
    for (const seen_request& asked : s.registry.other_server().log()) {
        BOOST_TEST(asked.header("Authorization").empty());
        BOOST_TEST(asked.header("Cookie").empty());
    }
}

// Statuses seen in the wild (section 1, rows 7 and 8).
BOOST_DATA_TEST_CASE(
    any_success_is_one,
    bdata::make({200, 201, 202, 204}) * bdata::make({200, 201, 202, 204}),
    patch,
    put_) {
    scene s;
    s.registry.options.patch_status = patch;
    s.registry.options.put_status = put_;
    const task what;
    check_uploaded(s, what, s.upload(what));
}

struct refusal_sample {
    step at;
    int status;
    errc wanted;
    const char* steps;
};
std::ostream& operator<<(std::ostream& out, const refusal_sample& s) {
    return out << to_string(s.at) << ' ' << s.status;
}

const refusal_sample refusals[] = {
    {step::head_blob, 500, errc::registry_failed, "head_blob"},
    {step::head_blob, 429, errc::registry_refused, "head_blob"},
    {step::head_blob, 401, errc::registry_unauthorized, "head_blob"},
    {step::open_upload, 401, errc::registry_unauthorized, "head_blob open_upload"},
    {step::open_upload, 403, errc::registry_denied, "head_blob open_upload"},
    {step::open_upload, 404, errc::registry_not_found, "head_blob open_upload"},
    {step::open_upload, 503, errc::registry_failed, "head_blob open_upload"},
    {step::patch, 404, errc::registry_not_found, "head_blob open_upload patch drop_upload"},
    {step::patch, 413, errc::registry_too_large, "head_blob open_upload patch drop_upload"},
    {step::patch, 416, errc::registry_refused, "head_blob open_upload patch drop_upload"},
    {step::patch, 500, errc::registry_failed, "head_blob open_upload patch drop_upload"},
    {step::put, 400, errc::registry_refused, "head_blob open_upload patch put drop_upload"},
    {step::put, 401, errc::registry_unauthorized, "head_blob open_upload patch put drop_upload"},
    {step::put, 500, errc::registry_failed, "head_blob open_upload patch put drop_upload"},
};

// A refusal at any step is the error, and the session does not stay behind.
BOOST_DATA_TEST_CASE(refusal_at_any_step_drops_the_session, bdata::make(refusals), r) {
    scene s;
    s.registry.intercept = [r](const registry_request& request) -> std::optional<answer> {
        if (request.what != r.at)
            return std::nullopt;
        answer reply = answer::json(r.status, R"({"errors":[{"code":"X","message":"no"}]})");
        reply.after_body_bytes(1'000'000); // all of it
        return reply;
    };
    const ending out = s.upload({});
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == r.wanted);
    BOOST_TEST(out.failed->http_status() == r.status);
    if (r.status != 401) // that is about the host
        BOOST_TEST(out.failed->message().find(repository) != std::string::npos);
    BOOST_TEST(s.steps() == r.steps);
    BOOST_TEST(s.registry.uploads_open() == 0u);
    BOOST_TEST(s.registry.blobs() == 0u);
}

task large_task() {
    task what;
    what.text = std::string(8'000'000, 'x');
    what.digest_known = false;
    what.habits.known_length = false;
    return what;
}

// A registry that refuses in the middle of a body is heard at once, not gigabytes later.
BOOST_AUTO_TEST_CASE(refusal_within_the_body_is_heard_early) {
    for (const bool html : {false, true}) {
        scene s;
        s.registry.options.blob_bytes_max = 100'000;
        s.registry.options.html_errors = html;
        const ending out = s.upload(large_task());
        BOOST_REQUIRE(out.failed.has_value());
        BOOST_TEST(out.failed->code() == errc::registry_too_large);
        BOOST_TEST(out.taken < 8'000'000u);
        BOOST_TEST(s.steps() == "open_upload patch drop_upload");
        BOOST_TEST(s.registry.uploads_open() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(unauthorized_within_the_body_is_heard_early) {
    scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::patch)
            return std::nullopt;
        return answer::json(401, R"({"errors":[{"code":"UNAUTHORIZED"}]})").after_body_bytes(5'000);
    };
    const ending out = s.upload(large_task());
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_unauthorized);
    BOOST_TEST(out.taken < 8'000'000u);
    BOOST_TEST(s.registry.blobs() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// Whoever takes a blob before having all of it cannot have stored it.
BOOST_AUTO_TEST_CASE(success_within_the_body_is_no_success) {
    scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::patch)
            return std::nullopt;
        return answer::with(202).after_body_bytes(5'000);
    };
    const ending out = s.upload(large_task());
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_protocol);
    BOOST_TEST(s.registry.count(step::put) == 0u);
}

// The archive broke its promise: nothing is committed, and the session goes.
BOOST_AUTO_TEST_CASE(digest_mismatch_commits_nothing) {
    scene s;
    task what;
    what.honest = false;
    const ending out = s.upload(what);
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::digest_mismatch);
    BOOST_TEST(s.steps() == "head_blob open_upload patch drop_upload");
    BOOST_TEST(s.registry.blobs() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// A body shorter or longer than it said it would be.
BOOST_DATA_TEST_CASE(wrong_length_commits_nothing, bdata::make({20u, 22u}), stated) {
    scene s;
    task what; // 21 bytes
    what.habits.stated_length = stated;
    const ending out = s.upload(what);
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::digest_mismatch);
    BOOST_TEST(s.registry.count(step::put) == 0u);
    BOOST_TEST(s.registry.blobs() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// What the body throws is the error; the registry is told that no more will come.
BOOST_AUTO_TEST_CASE(failing_body_drops_the_session) {
    scene s;
    task what = large_task();
    what.habits.fails_at = 200'000;
    const ending out = s.upload(what);
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::archive_truncated);
    BOOST_TEST(s.steps() == "open_upload patch drop_upload");
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// Nobody to be told: a broken connection is not followed by another try.
BOOST_AUTO_TEST_CASE(broken_connection_is_the_error) {
    scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what != step::patch)
            return std::nullopt;
        return answer::none(answer::next::reset).after_body_bytes(5'000);
    };
    const ending out = s.upload(large_task());
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::transport_closed);
    BOOST_TEST(s.steps() == "open_upload patch");
}

BOOST_AUTO_TEST_CASE(registry_that_stored_something_else_is_an_error) {
    scene s;
    s.registry.options.stated_blob_digest = digest_of("other").str();
    const ending out = s.upload({});
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_protocol);
    BOOST_TEST(out.failed->cause().find(digest_of("other").str()) != std::string::npos);
}

// Sections 2.2 and A4: what is no place to send bytes to.
BOOST_DATA_TEST_CASE(
    unusable_location_is_an_error,
    bdata::make({"", "ftp://x/y", "http://user:secret@127.0.0.1/x", "http://", "/a b"}),
    location) {
    scene s;
    s.registry.options.location_literal = location;
    const ending out = s.upload({});
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_protocol);
    BOOST_TEST(out.failed->cause().find("secret") == std::string::npos);
    BOOST_TEST(s.steps() == "head_blob open_upload");
    BOOST_TEST(out.bodies == 0u);
}

// A4: a registry must not make tarpon send a user's layers into the user's own network.
BOOST_DATA_TEST_CASE(
    location_inside_somebodys_network_is_an_error,
    bdata::make(
        {"http://169.254.169.254/latest", "http://10.0.0.1/x", "http://192.168.1.1:8080/x",
         "http://0.0.0.0/x", "http://[fe80::1]/x", "http://[fd00::1]/x",
         "http://[::ffff:10.0.0.1]/x"}),
    location) {
    scene s;
    s.registry.options.location_literal = location;
    const ending out = s.upload({});
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_protocol);
    BOOST_TEST(s.steps() == "head_blob open_upload");
    BOOST_TEST(out.bodies == 0u);
}

asio::awaitable<void> cancel_while_held(
    scene& s, std::shared_ptr<gate> held, const task& what, ending& out, bool& cancelled) {
    registry_client client(s.io, s.registry.host());
    async::task_group group(s.io.get_executor());
    group.spawn(put(client, what, out));
    while (held->waiting() == 0)
        co_await one_turn(s.io);
    group.cancel();
    try {
        co_await group.join();
    } catch (const boost::system::system_error& e) {
        cancelled = e.code() == asio::error::operation_aborted;
    }
}

struct held_sample {
    step at;
    const char* steps;
};
std::ostream& operator<<(std::ostream& out, const held_sample& s) {
    return out << to_string(s.at);
}

const held_sample held_samples[] = {
    {step::head_blob, "head_blob"},
    {step::open_upload, "head_blob open_upload"}, // nobody knows the session yet
    {step::patch, "head_blob open_upload patch drop_upload"},
    {step::put, "head_blob open_upload patch put drop_upload"},
};

// docs/cancellation.md: an open session is deleted when the upload is stopped.
BOOST_DATA_TEST_CASE(cancel_at_any_step_drops_the_session, bdata::make(held_samples), h) {
    scene s;
    const auto held = std::make_shared<gate>(s.io);
    s.registry.intercept = [=](const registry_request& request) -> std::optional<answer> {
        if (request.what != h.at)
            return std::nullopt;
        answer reply = answer::with(500);
        reply.held_by = held;
        return reply;
    };
    const task what;
    ending out;
    bool cancelled = false;
    run_on_context(s.io, cancel_while_held(s, held, what, out, cancelled));
    BOOST_TEST(cancelled);
    BOOST_TEST(!out.result.has_value());
    BOOST_TEST(!out.failed.has_value());
    BOOST_TEST(s.steps() == h.steps);
    BOOST_TEST(s.registry.blobs() == 0u);
}

// A registry that does not answer the farewell holds nobody up for more than its two seconds.
BOOST_AUTO_TEST_CASE(farewell_without_an_answer_ends_too) {
    scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::patch)
            return answer::with(500);
        if (request.what == step::drop_upload)
            return answer::none(answer::next::stall);
        return std::nullopt;
    };
    const ending out = s.upload({});
    BOOST_REQUIRE(out.failed.has_value());
    BOOST_TEST(out.failed->code() == errc::registry_failed);
    BOOST_TEST(s.steps() == "head_blob open_upload patch drop_upload");
}

asio::awaitable<void> probe(scene& s, std::optional<error>& failed) {
    registry_client client(s.io, s.registry.host());
    try {
        co_await registry::probe_upload(client.session(), repository);
    } catch (const error& e) {
        failed = e;
    }
}

// Before a pipe is read: may we push here? It leaves no session behind.
BOOST_AUTO_TEST_CASE(probe_opens_and_drops) {
    scene s;
    std::optional<error> failed;
    run_on_context(s.io, probe(s, failed));
    BOOST_TEST(!failed.has_value());
    BOOST_TEST(s.registry.steps() == "open_upload drop_upload");
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// Nothing is asked of where a Location must not lead.
BOOST_AUTO_TEST_CASE(probe_goes_nowhere_inside) {
    scene s;
    s.registry.options.location_literal = "http://169.254.169.254/admin";
    std::optional<error> failed;
    run_on_context(s.io, probe(s, failed));
    BOOST_TEST(s.registry.steps() == "open_upload");
}

BOOST_DATA_TEST_CASE(
    probe_says_who_may_not_push,
    bdata::make({401, 403, 404, 500})
        ^ bdata::make(
            {errc::registry_unauthorized, errc::registry_denied, errc::registry_not_found,
             errc::registry_failed}),
    status,
    wanted) {
    scene s;
    s.registry.intercept = [status](const registry_request&) {
        return std::optional(answer::with(status, "no"));
    };
    std::optional<error> failed;
    run_on_context(s.io, probe(s, failed));
    BOOST_REQUIRE(failed.has_value());
    BOOST_TEST(failed->code() == wanted);
    BOOST_TEST(s.registry.steps() == "open_upload");
}

struct presence {
    registry::blob_presence found;
    std::optional<error> failed;
};

asio::awaitable<void> look_for(scene& s, const digest& content, presence& out) {
    registry_client client(s.io, s.registry.host());
    try {
        out.found = co_await registry::head_blob(client.session(), repository, content);
    } catch (const error& e) {
        out.failed = e;
    }
}

// Size as the registry states it, so that a damaged copy can be told.
BOOST_AUTO_TEST_CASE(presence_comes_with_its_size) {
    scene s;
    const digest content = s.registry.add_blob(repository, "12345");
    presence out;
    run_on_context(s.io, look_for(s, content, out));
    BOOST_TEST(out.found.present);
    BOOST_TEST(out.found.size.value() == 5u);
    run_on_context(s.io, look_for(s, digest_of("other"), out));
    BOOST_TEST(!out.found.present);
}

// Storage behind a redirect (row 2: "307 to storage") is asked where it is.
BOOST_AUTO_TEST_CASE(presence_behind_a_redirect_is_found) {
    scene s;
    const digest content = s.registry.add_blob(repository, "12345");
    s.registry.options.blobs_elsewhere = s.registry.other_server().origin().str();
    presence out;
    run_on_context(s.io, look_for(s, content, out));
    BOOST_TEST(out.found.present);
    BOOST_TEST(s.registry.other_server().log().size() == 1u);
}

// 403 and 405 tell nothing; trouble is an error.
BOOST_AUTO_TEST_CASE(presence_that_is_not_told) {
    for (const int status : {400, 403, 404, 405, 429, 500, 503}) {
        scene s;
        s.registry.options.head_blob_status = status;
        presence out;
        run_on_context(s.io, look_for(s, digest_of("x"), out));
        BOOST_TEST(!out.found.present);
        BOOST_TEST(out.failed.has_value() == (status == 429 || status >= 500), status);
    }
}

BOOST_AUTO_TEST_SUITE_END()
