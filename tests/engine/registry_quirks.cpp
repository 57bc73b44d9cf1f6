// Every way registries are known to be odd, one at a time, against a whole push of two docker
// images that share a layer. docs/registries.md lists where each of the quirks is tested.
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "registry/referrers.hpp"
#include "support/image_builder.hpp"
#include "support/interceptors.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_registry_quirks)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
namespace mt = tarpon::media_type;
using place = registry_options::location;

struct quirk {
    const char* name;
    registry_options options;
    interceptor intercept = {};
    adjuster adjust = {};
};
std::ostream& operator<<(std::ostream& out, const quirk& q) {
    return out << q.name;
}

/// GCR: some 401 come without a challenge; that of the ping counts.
interceptor bare_401() {
    return [](const registry_request& request) -> std::optional<answer> {
        const bool bare =
            request.what != step::ping && request.http.header("Authorization").empty();
        return bare ? std::optional(answer::with(401)) : std::nullopt;
    };
}

registry_options with(const std::function<void(registry_options&)>& change) {
    registry_options options;
    change(options);
    return options;
}

registry_options guarded(std::vector<std::string> challenges) {
    registry_options options;
    options.username = "user";
    options.password = "MARKER";
    options.challenges = std::move(challenges);
    return options;
}

void add_places(std::vector<quirk>& all) {
    for (const auto where :
         {place::relative, place::absolute, place::http_scheme, place::other_host})
        all.push_back({"a form of Location", with([=](auto& o) { o.locations = where; })});
    all.push_back(
        {"Location changes with each PATCH", with([](auto& o) { o.moving_location = true; })});
    all.push_back({"Location has a query", with([](auto& o) { o.query_in_location = true; })});
    for (const int status : {200, 201, 202, 204}) {
        all.push_back({"status of PATCH", with([=](auto& o) { o.patch_status = status; })});
        if (status != 201)
            all.push_back({"status of PUT", with([=](auto& o) { o.put_status = status; })});
    }
    for (const int status : {201, 202, 401, 403, 404, 405, 500})
        all.push_back({"status of a mount", with([=](auto& o) { o.mount_status = status; })});
    all.push_back({"no Range", with([](auto& o) { o.range_header = false; })});
    all.push_back({"Range: bytes=0--1", {}, {}, [](const registry_request& request, answer& reply) {
                       if (request.what == step::open_upload)
                           for (auto& [name, value] : reply.headers)
                               if (name == "Range")
                                   value = "bytes=0--1";
                   }});
}

void add_bodies(std::vector<quirk>& all) {
    all.push_back({"411 without Content-Length", {}, wants_content_length(step::open_upload)});
    all.push_back(
        {"411 for chunked framing", with([](auto& o) { o.chunked_framing_status = 411; })});
    all.push_back({"413 as HTML in the middle of a body", with([](auto& o) {
                       o.blob_bytes_max = 20'000;
                       o.html_errors = true;
                   })});
    all.push_back({"416 for Content-Range", with([](auto& o) { o.content_range_status = 416; })});
    all.push_back({"OCI-Chunk-Min-Length 5 MiB", with([](auto& o) { o.chunk_min = "5242880"; })});
    all.push_back(
        {"reset within a PATCH",
         {},
         once(step::patch, answer::none(answer::next::reset).after_body_bytes(5000))});
    all.push_back(
        {"PUT commits, its answer is lost",
         {},
         {},
         [left = 1](const registry_request& request, answer& reply) mutable {
             if (request.what == step::put && left-- > 0)
                 reply = answer::none(answer::next::reset);
         }});
    for (const int status : {403, 405})
        all.push_back(
            {"HEAD of blobs refused", with([=](auto& o) { o.head_blob_status = status; })});
    all.push_back({"first OCI manifest 415", with([](auto& o) {
                       o.oci_manifest_status = 415;
                       o.oci_manifest_code = "UNSUPPORTED";
                   })});
    all.push_back(
        {"MANIFEST_INVALID without mediaType",
         {},
         [](const registry_request&) { return std::optional<answer>(); },
         [](const registry_request& request, answer& reply) {
             if (request.what == step::put_manifest
                 && request.http.body.find("\"mediaType\":\"application/vnd.oci.image.manifest")
                        == std::string::npos)
                 reply = answer::json(400, R"({"errors":[{"code":"MANIFEST_INVALID"}]})");
         }});
}

void add_credentials(std::vector<quirk>& all) {
    all.push_back({"401 without a challenge", guarded({"Basic realm=\"x\""}), bare_401()});
    all.push_back({"BASIC", guarded({"BASIC realm=\"x\""})});
    all.push_back({"a bare Basic", guarded({"Basic"})});
    all.push_back({"two challenges in one header", guarded({"Negotiate, Basic realm=\"a, b=c\""})});
    all.push_back({"two headers", guarded({"Digest realm=\"x\", nonce=\"y,z\"", "Basic"})});
}

void add_connections(std::vector<quirk>& all) {
    const answer slow = answer::with(429).header("Retry-After", "0").after_body_bytes(1'000'000);
    all.push_back({"429 with seconds", {}, once(step::open_upload, slow)});
    all.push_back(
        {"429 with a date",
         {},
         once(
             step::open_upload,
             answer::with(429).header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"))});
    all.push_back(
        {"429 with bare line feeds",
         {},
         once(
             step::open_upload,
             answer::bytes("HTTP/1.1 429 Too Many Requests\nRetry-After: 0\n\n"))});
    all.push_back({"503, then well", {}, once(step::head_blob, answer::with(503))});
    all.push_back({"bodies in chunks", {}, {}, [](const registry_request&, answer& reply) {
                       if (!reply.body.empty())
                           reply.how = answer::framing::chunked;
                   }});
    all.push_back(
        {"100 Continue that nobody asked for", {}, {}, [](const registry_request&, answer& reply) {
             reply.before = "HTTP/1.1 100 Continue\r\n\r\n";
         }});
    all.push_back(
        {"connections close after each answer", {}, {}, [](const registry_request&, answer& reply) {
             reply.then = answer::next::close;
             reply.header("Connection", "close");
         }});
    all.push_back({"answers byte by byte", {}, {}, [](const registry_request&, answer& reply) {
                       reply.bytewise = true;
                   }});
}

std::vector<quirk> quirks() {
    std::vector<quirk> all;
    add_places(all);
    add_bodies(all);
    add_credentials(all);
    add_connections(all);
    return all;
}

BOOST_DATA_TEST_CASE(push_arrives, bdata::make(quirks()), q) {
    const built_image one = make_image({make_layer(1, 400'000), make_layer(2, 3'000)}, {"app:1"});
    const built_image two = make_image({make_layer(1, 400'000)}, {"other:1"});
    push_scene s(q.options);
    s.registry.intercept = q.intercept;
    s.registry.adjust = q.adjust;
    s.options.retries = 2;
    s.options.retry_delay = std::chrono::milliseconds(1);
    s.options.connection.username = q.options.username;
    s.options.connection.password = q.options.password;
    const auto report = s.push(docker_archive({one, two}));
    BOOST_REQUIRE_MESSAGE(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.broken_tags().empty());
    check_image(s, "team/app", "1", one);
    check_image(s, "team/other", "1", two);
    BOOST_TEST(s.registry.count(step::whole_post) == 0u); // POST ?digest= is never used
    BOOST_TEST(s.told.text().find("MARKER") == std::string::npos);
}

// --- manifests
// ------------------------------------------------------------------------------------

const char* const sbom = "sha256:25d8812d0c226fb0755596b6af99a2e43dc804f87138a2aa4769678a51d93f24";

std::size_t listings(const push_scene& s) {
    std::size_t count = 0;
    for (const std::string& line : s.registry.history())
        count += line.starts_with("put_manifest team/ma@sha256-") ? 1 : 0;
    return count;
}

// With OCI-Subject the registry keeps the list; without it, it stands under a tag.
BOOST_DATA_TEST_CASE(referrers_are_listed, bdata::make({true, false}), kept) {
    push_scene s;
    s.registry.options.keeps_referrers = kept;
    s.options.where = {};
    s.options.where.to = {s.place("team/ma:1")};
    const std::string archive = read_file(data_file("oras-referrers.tar"));
    check_done(s, s.push(archive));
    BOOST_TEST((listings(s) == 0) == kept);
    const auto referrer = s.registry.manifest("team/ma", digest::parse(sbom).value());
    BOOST_REQUIRE(referrer != nullptr);
    if (kept)
        return;
    const auto subject = document_of(referrer).subject.value();
    const auto list = tagged(s, "team/ma", registry::referrers_tag(subject.digest));
    const auto found =
        std::find_if(list.manifests.begin(), list.manifests.end(), [](const auto& one) {
            return one.digest.str() == sbom;
        });
    BOOST_TEST((found != list.manifests.end()));
    const std::size_t before = listings(s);
    check_done(s, s.push(archive)); // what is listed is not listed again
    BOOST_TEST(listings(s) == before);
}

// HEAD is forbidden, the tag is fixed and names the same manifest: nothing is wrong.
BOOST_AUTO_TEST_CASE(immutable_tag_behind_a_forbidden_head) {
    push_scene s;
    s.registry.options.immutable_tags = true;
    s.registry.options.head_manifest_status = 403;
    oci_builder oci;
    const blob root = oci.image(make_image({make_layer(2)}, {}));
    const std::string archive =
        oci.archive({root.json(annotation("io.containerd.image.name", "app:1"))});
    check_done(s, s.push(archive));
    const auto again = s.push(archive);
    check_done(s, again);
    BOOST_TEST((again.images.at(0).status == image_status::unchanged));
}

BOOST_AUTO_TEST_CASE(immutable_tag_of_another_image_has_a_hint) {
    push_scene s;
    s.registry.options.immutable_tags = true;
    check_done(s, s.push(docker_archive({make_image({make_layer(1)}, {"app:1"})})));
    const auto report = s.push(docker_archive({make_image({make_layer(2)}, {"app:1"})}));
    BOOST_TEST(report.exit_code() == 5);
    const error& what = report.failures.at(0).what;
    BOOST_TEST(
        what.message().find("does not let the tag team/app:1 be changed") != std::string::npos);
    BOOST_TEST(what.cause().find("it is sha256:") != std::string::npos);
    BOOST_TEST(
        what.hint()
        == concat("push under another tag: --to ", s.registry.host(), "/team/app:OTHER"));
    BOOST_TEST(s.told.warnings.empty()); // Docker's format would not help
}

BOOST_AUTO_TEST_CASE(warnings_are_told_once) {
    push_scene s;
    s.registry.adjust = [](const registry_request&, answer& reply) {
        reply.header("Warning", "299 - \"this registry moves\"");
    };
    check_done(s, s.push(docker_archive({make_image({make_layer(1)}, {"app:1"})})));
    BOOST_TEST(s.told.warnings.size() == 1u);
    BOOST_TEST(s.told.warnings.at(0) == concat(s.registry.host(), " says: this registry moves"));
}

// A balancer that sends requests without its cookie to a server that knows no session.
BOOST_AUTO_TEST_CASE(sticky_sessions_stick) {
    push_scene s;
    s.registry.adjust = [](const registry_request&, answer& reply) {
        reply.header("Set-Cookie", "route=COOKIE-MARKER; Path=/");
    };
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        const bool in_session = request.what == step::patch || request.what == step::put;
        const bool stuck = request.http.header("Cookie") == "route=COOKIE-MARKER";
        return in_session && !stuck ? std::optional(answer::with(404)) : std::nullopt;
    };
    check_done(s, s.push(docker_archive({make_image({make_layer(1)}, {"app:1"})})));
    BOOST_TEST(s.told.text().find("COOKIE-MARKER") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
