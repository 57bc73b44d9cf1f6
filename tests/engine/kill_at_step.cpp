// Whole pushes that are stopped, or meet a fault, at every step they have: at each turn of the
// event loop (so at each read, block, write and timer) and at each request.
//
// After every one of them: it ended; its buffers came back (push waits for them, or never ends); no
// tag names what is not all there; success was reported if and only if everything is there; no
// secret was told; and the same push, left in peace, arrives at the same digests
// (reliability-anchors 5, I1, I2, I3, I5, I6).
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/printing.hpp"
#include "support/push_scene.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <map>

BOOST_AUTO_TEST_SUITE(test_kill_at_step)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;

const std::string password = "a-password-nobody-may-see";

/// Two images that share a layer, for two repositories: uploads, mounts, several blocks.
std::string docker_images() {
    static const std::string archive = docker_archive(
        {make_image({make_layer(1, 600'000), make_layer(2, 80'000)}, {"a:1", "a:2"}),
         make_image({make_layer(1, 600'000), make_layer(3, 2'000)}, {"b:1"})});
    return archive;
}

/// An index with two platforms and a signature, byte for byte.
std::string make_oci_images() {
    oci_builder oci;
    const blob amd = oci.image(make_image({make_layer(1, 2'500'000)}, {}));
    const blob arm = oci.image(make_image({make_layer(2, 3'000)}, {}));
    const blob index = oci.index(
        {amd.json(R"("platform":{"os":"linux","architecture":"amd64"})"),
         arm.json(R"("platform":{"os":"linux","architecture":"arm64"})")});
    const blob signature = oci.image(
        oci.add("application/vnd.oci.empty.v1+json", "{}"),
        {oci.add("application/x-sig", "signed")}, R"("subject":)" + index.json());
    return oci.archive(
        {index.json(annotation("io.containerd.image.name", "docker.io/a/a:1")), signature.json()});
}

std::string oci_images() {
    static const std::string archive = make_oci_images();
    return archive;
}

/// What is pushed, and how.
struct scenario {
    const char* name;
    std::string (*archive)();
    bool piped;
    int mount_status;
    int jobs;
};
std::ostream& operator<<(std::ostream& out, const scenario& s) {
    return out << s.name;
}

const scenario scenarios[] = {
    {"docker archive from a file", docker_images, false, 201, 1},
    {"docker archive from a file, three jobs", docker_images, false, 201, 3},
    {"docker archive through a pipe", docker_images, true, 201, 2},
    {"docker archive through a pipe, without mounts", docker_images, true, 202, 2},
    {"OCI archive from a file", oci_images, false, 201, 1},
    {"OCI archive through a pipe", oci_images, true, 201, 2},
};

const std::pair<const char*, const char*> names[] = {
    {"team/a", "1"}, {"team/a", "2"}, {"team/b", "1"}, {"team/a/a", "1"}};

using tag_list = std::map<std::string, digest>;

tag_list tags_of(const push_scene& s) {
    tag_list tags;
    for (const auto& [repository, tag] : names)
        if (const auto content = s.registry.tag(repository, tag))
            tags.emplace(concat(repository, ":", tag), *content);
    return tags;
}

void prepare(push_scene& s, const scenario& with) {
    s.registry.options.mount_status = with.mount_status;
    s.registry.options.username = "alice";
    s.registry.options.password = password;
    s.options.connection.username = "alice";
    s.options.connection.password = password;
    s.options.jobs = with.jobs;
    s.options.memory_bytes = limits::buffer_memory_bytes_min;
}

push_report run(push_scene& s, const scenario& with) {
    return with.piped ? s.push_piped(with.archive(), {60'000, SIZE_MAX, {}})
                      : s.push(with.archive());
}

/// A push without faults: what must come of it, and how long it is.
struct measure {
    tag_list tags;
    std::size_t turns = 0;
    std::size_t requests = 0;
};

measure measured(const scenario& with) {
    push_scene s;
    prepare(s, with);
    const auto report = run(s, with);
    BOOST_REQUIRE_MESSAGE(report.exit_code() == 0, explain(report));
    return {tags_of(s), s.turns(), s.registry.server().log().size()};
}

/// I1 and I3 of what is there after a push.
void check_invariants(const push_scene& s) {
    BOOST_TEST(s.registry.broken_tags().empty());
    BOOST_TEST(s.told.text().find(password) == std::string::npos);
}

/// I6: without faults, the same push comes to the same end.
void check_recovery(push_scene& s, const scenario& with, const measure& whole) {
    s.stop_when = nullptr;
    s.registry.intercept = nullptr;
    s.registry.adjust = nullptr;
    const auto report = run(s, with);
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST((tags_of(s) == whole.tags));
    check_invariants(s);
}

/// Numbers up to `count`: all of the first, then ever fewer, so that a test takes seconds.
std::vector<std::size_t> points(std::size_t count) {
    std::vector<std::size_t> all;
    for (std::size_t at = 0; at < count; at += 1 + at / 40)
        all.push_back(at);
    return all;
}

// A signal may come at any time. The push ends, what it says of itself is true, and no session is
// left behind: not even one that was just asked for.
BOOST_DATA_TEST_CASE(stopped_at_any_turn, bdata::make(scenarios), with) {
    const measure whole = measured(with);
    for (const std::size_t turn : points(whole.turns)) {
        push_scene s;
        prepare(s, with);
        s.stop_when = [&] {
            return s.turns() > turn;
        };
        const auto report = run(s, with);
        BOOST_TEST_CONTEXT("stopped after turn " << turn << ", exit code " << report.exit_code()) {
            check_invariants(s);
            const bool complete = tags_of(s) == whole.tags;
            if (report.exit_code() == 0)
                BOOST_TEST(complete);
            else
                BOOST_TEST(report.exit_code() == 130, explain(report));
            BOOST_TEST(s.registry.uploads_open() == 0u);
        }
        if (turn % 7 == 0)
            check_recovery(s, with, whole);
    }
}

// Stopped while a request waits for its answer: it is dropped, and none follows but the farewell to
// an upload. Nothing more is published.
BOOST_DATA_TEST_CASE(stopped_at_any_request, bdata::make(scenarios), with) {
    const measure whole = measured(with);
    for (std::size_t request = 0; request < whole.requests; ++request) {
        push_scene s;
        prepare(s, with);
        bool stop = false;
        std::size_t published = 0;
        s.registry.intercept = [&](const registry_request&) -> std::optional<answer> {
            if (s.registry.server().log().size() != request + 1 || std::exchange(stop, true))
                return std::nullopt;
            published = s.registry.count(step::put_manifest);
            return answer::none(answer::next::stall);
        };
        s.stop_when = [&] {
            return stop;
        };
        const auto report = run(s, with);
        BOOST_TEST_CONTEXT("stopped at request " << request) {
            BOOST_TEST(s.stopped());
            BOOST_TEST(report.exit_code() == 130, explain(report));
            check_invariants(s);
            if (with.jobs == 1) {
                BOOST_TEST(s.registry.count(step::put_manifest) == published);
                const auto history = s.registry.history();
                for (std::size_t i = request + 1; i < history.size(); ++i)
                    BOOST_TEST(history[i].starts_with("drop_upload"), history[i]);
            }
        }
        if (request % 3 == 0)
            check_recovery(s, with, whole);
    }
}

/// What a server or the way to it may do to a request.
struct fault {
    const char* name;
    answer (*make)();
    bool heals_at_once; ///< a keep-alive connection may have been stale, so it is tried once more
};
std::ostream& operator<<(std::ostream& out, const fault& f) {
    return out << f.name;
}

const fault faults[] = {
    {"reset", [] { return answer::none(answer::next::reset); }, true},
    {"close", [] { return answer::none(answer::next::close); }, true},
    {"reset within the body",
     [] { return answer::none(answer::next::reset).after_body_bytes(700); }, true},
    {"500", [] { return answer::with(500, "broken"); }, false},
    {"503 in HTML", [] { return answer::with(503, "<html>nginx</html>", "text/html"); }, false},
    {"429", [] { return answer::with(429, "slowly").header("Retry-After", "1"); }, false},
    {"garbage", [] { return answer::bytes("SSH-2.0-x\r\n"); }, false},
    {"half an answer", [] { return answer::bytes("HTTP/1.1 201 Created\r\nLoca"); }, false},
    {"HTTP/0.9", [] { return answer::bytes("201 Created\n"); }, false},
    {"redirect to itself", [] { return answer::with(307).header("Location", "/v2/"); }, false},
};

void meet_fault_once(
    const scenario& with, const measure& whole, const fault& what, std::size_t at) {
    push_scene s;
    prepare(s, with);
    bool met = false;
    s.registry.intercept = [&](const registry_request&) -> std::optional<answer> {
        if (s.registry.server().log().size() != at + 1 || std::exchange(met, true))
            return std::nullopt;
        return what.make();
    };
    const auto report = run(s, with);
    BOOST_TEST_CONTEXT(what.name << " at request " << at << ", exit code " << report.exit_code()) {
        BOOST_TEST(met);
        check_invariants(s);
        // The request was never carried out, so what is there is what was told.
        BOOST_TEST((report.exit_code() == 0) == (tags_of(s) == whole.tags), explain(report));
        BOOST_TEST(report.exit_code() != 130);
        BOOST_TEST(report.exit_code() != 1, explain(report));
        if ((at + static_cast<std::size_t>(what.name[0])) % 5 == 0)
            check_recovery(s, with, whole);
    }
}

// One request, any request, fails once.
BOOST_DATA_TEST_CASE(
    fault_at_any_request, bdata::make(scenarios) * bdata::make(faults), with, what) {
    const measure whole = measured(with);
    for (std::size_t at = 0; at < whole.requests; ++at)
        meet_fault_once(with, whole, what, at);
}

// From one request on, nothing works any more.
BOOST_DATA_TEST_CASE(
    fault_from_any_request_on, bdata::make(scenarios) * bdata::make(faults), with, what) {
    const measure whole = measured(with);
    for (std::size_t at = 0; at < whole.requests; at += 4) {
        push_scene s;
        prepare(s, with);
        s.registry.intercept = [&](const registry_request&) -> std::optional<answer> {
            if (s.registry.server().log().size() <= at)
                return std::nullopt;
            return what.make();
        };
        const auto report = run(s, with);
        BOOST_TEST_CONTEXT(what.name << " from request " << at) {
            check_invariants(s);
            BOOST_TEST((report.exit_code() == 0) == (tags_of(s) == whole.tags), explain(report));
        }
    }
}

// The registry did what it was asked, and its answer is lost: never a false success.
BOOST_DATA_TEST_CASE(answer_lost_at_any_request, bdata::make(scenarios), with) {
    const measure whole = measured(with);
    for (std::size_t at = 0; at < whole.requests; ++at) {
        push_scene s;
        prepare(s, with);
        std::size_t answered = 0;
        s.registry.adjust = [&](const registry_request&, answer& reply) {
            if (answered++ == at)
                reply = answer::none(answer::next::reset);
        };
        const auto report = run(s, with);
        BOOST_TEST_CONTEXT("answer " << at << " lost, exit code " << report.exit_code()) {
            check_invariants(s);
            if (report.exit_code() == 0)
                BOOST_TEST((tags_of(s) == whole.tags));
            check_recovery(s, with, whole);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
