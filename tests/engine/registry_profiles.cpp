// A whole push against every kind of registry: what is known of how each one deviates, as switches
// of the fake one. Byte limits are small here, so that small images run into them.
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/interceptors.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"
#include "support/token_service.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_registry_profiles)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using place = registry_options::location;
struct profile {
    const char* name;
    registry_options options;
    interceptor intercept = {};
    adjuster adjust = {};
    std::size_t sessions_lost = 0; ///< which nobody can drop, at the most
    bool or_fewer = false;
};
std::ostream& operator<<(std::ostream& out, const profile& p) {
    return out << p.name;
}

// --- what requests must have ---------------------------------------------------------------------

/// distribution 3: bytes of blobs are application/octet-stream.
std::optional<answer> wants_octet_stream(const registry_request& request) {
    const bool other = request.what == step::patch
                       && request.http.header("Content-Type") != "application/octet-stream";
    return other ? std::optional(answer::with(400, "bad Content-Type")) : std::nullopt;
}

/// GHCR: a PATCH with Content-Range has at most 4 MiB (here 100 KB).
std::optional<answer> refuses_large_chunks(const registry_request& request) {
    const auto length = parse_decimal(request.http.header("Content-Length"));
    const bool large = request.what == step::patch && length && *length > 100'000
                       && !request.http.header("Content-Range").empty();
    if (!large)
        return std::nullopt;
    return answer::json(416, R"({"errors":[{"code":"REQUESTED_RANGE_NOT_SATISFIABLE"}]})")
        .header("Connection", "close");
}

/// Gitea: one PATCH without Content-Range to a session, and no more.
interceptor one_stream_to_a_session() {
    return [seen = std::set<std::string>()](
               const registry_request& request) mutable -> std::optional<answer> {
        const bool stream =
            request.what == step::patch && request.http.header("Content-Range").empty();
        if (!stream || seen.insert(request.reference).second)
            return std::nullopt;
        return answer::with(500, "stream uploads after first write are not allowed")
            .after_body_bytes(10'000'000);
    };
}

/// zot: Docker's types are off by default, and a PUT without a length has no body.
std::optional<answer> knows_oci_only(const registry_request& request) {
    if (request.what == step::put && iequals(request.http.header("Transfer-Encoding"), "chunked"))
        return answer::json(400, R"({"errors":[{"code":"DIGEST_INVALID"}]})")
            .after_body_bytes(10'000'000);
    const bool docker =
        request.what == step::put_manifest
        && request.http.header("Content-Type").find("docker") != std::string_view::npos;
    return docker ? std::optional(answer::with(415)) : std::nullopt;
}

/// Quay takes a manifest of type application/json for schema 1; ECR knows none without mediaType,
/// nor a config that has a platform (as Docker 25 wrote). Seen when the body is there.
void wants_plain_manifests(const registry_request& request, answer& reply) {
    if (request.what != step::put_manifest)
        return;
    const std::string type(request.http.header("Content-Type"));
    const std::string& body = request.http.body;
    const bool typed = body.find(concat("\"mediaType\":\"", type, "\"")) != body.npos;
    const std::size_t config = body.find("\"config\"");
    const bool config_platform =
        config != body.npos
        && body.substr(config, body.find('}', config) - config).find("platform") != body.npos;
    if (!typed || config_platform)
        reply = answer::json(
            405, R"({"errors":[{"code":"UNSUPPORTED","message":"Invalid JSON syntax"}]})");
}

// --- what answers are like -----------------------------------------------------------------------

/// Each first answer of a kind is "too many requests"; but sessions are dropped at the first try or
/// left to expire.
interceptor throttles_once() {
    return [seen = std::set<step>()](
               const registry_request& request) mutable -> std::optional<answer> {
        if (request.what == step::drop_upload || request.what == step::other
            || !seen.insert(request.what).second)
            return std::nullopt;
        return answer::with(429, "slowly").header("Retry-After", "0").after_body_bytes(10'000'000);
    };
}

/// Docker Hub: after a 5xx the session is gone.
interceptor loses_a_session() {
    return
        [lost = std::string()](const registry_request& request) mutable -> std::optional<answer> {
            if (request.what == step::patch && lost.empty()) {
                lost = request.reference;
                return answer::with(503).after_body_bytes(10'000'000);
            }
            const bool gone = !lost.empty() && request.reference == lost;
            return gone ? std::optional(
                       answer::json(404, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})")
                           .after_body_bytes(10'000'000))
                        : std::nullopt;
        };
}

/// Range after a PATCH says something else than what is there (ECR after the first chunk, Aliyun,
/// artifact-keeper). Nobody is to count by it.
adjuster range_after_patch(std::string says) {
    return [says](const registry_request& request, answer& reply) {
        if (request.what == step::patch)
            for (auto& [name, value] : reply.headers)
                if (name == "Range")
                    value = says;
    };
}

// --- the registries, as registry-protocol section 9 knows them -----------------------------------

using profile_list = std::vector<profile>;

void add_distributions(profile_list& all) {
    token_habits docker_tokens;
    docker_tokens.deletes_need_more = true;
    registry_options with_tokens;
    with_tokens.chunked_framing_status = 411; // another shape, and the first session is dropped
    all.push_back(
        {"distribution whose tokens are not for deleting",
         with_tokens,
         token_service(docker_tokens),
         {},
         4,
         true});

    registry_options two;
    two.locations = place::absolute;
    two.query_in_location = true;
    two.moving_location = true;
    two.keeps_referrers = false;
    all.push_back({"distribution 2", two});
    two.locations = place::http_scheme;
    all.push_back({"distribution 2 behind a proxy that hides its scheme", two});
    registry_options three = two;
    three.locations = place::relative;
    three.keeps_broken_uploads = true;
    all.push_back({"distribution 3", three, wants_octet_stream});

    token_habits harbor_tokens;
    harbor_tokens.service = "harbor-registry";
    harbor_tokens.other_challenge_when_refused = "Basic realm=\"harbor\"";
    registry_options harbor = two;
    harbor.locations = place::absolute;
    harbor.keeps_referrers = true;
    all.push_back({"Harbor", harbor, token_service(harbor_tokens)});
    harbor.put_body_status = 500;
    harbor.mount_status = 401;
    harbor_tokens.mounts_need_pull = false;
    all.push_back({"Harbor 1.9", harbor, token_service(harbor_tokens)});
}

void add_clouds(profile_list& all) {
    token_habits hub_tokens;
    hub_tokens.service = "registry.docker.io";
    registry_options hub;
    hub.locations = place::absolute;
    hub.query_in_location = true;
    all.push_back(
        {"Docker Hub", hub, first_of({token_service(hub_tokens), loses_a_session()}), {}, 1});
    all.push_back(
        {"Docker Hub when it throttles", hub,
         first_of({token_service(hub_tokens), throttles_once()})});

    registry_options ecr;
    ecr.patch_status = 201;
    ecr.chunk_min = "5242880";
    ecr.username = "AWS";
    ecr.password = "token";
    ecr.moving_location = true;
    all.push_back({"ECR", ecr, {}, wants_plain_manifests});
    ecr.chunk_min.clear();
    ecr.chunk_max = "30000";
    all.push_back({"ECR in parts, whose Range is stale", ecr, {}, range_after_patch("0-29999")});

    token_habits gar_tokens;
    gar_tokens.bare_refusals = true;
    registry_options gar;
    gar.content_range_status = 416;
    gar.mount_status = 202;
    all.push_back(
        {"Artifact Registry", gar,
         first_of({token_service(gar_tokens), wants_content_length(step::open_upload)})});

    token_habits ghcr_tokens;
    ghcr_tokens.service = "ghcr.io";
    ghcr_tokens.ping_scope = "repository:user/image:pull";
    all.push_back(
        {"GHCR", registry_options{}, first_of({token_service(ghcr_tokens), refuses_large_chunks})});

    token_habits acr_tokens;
    acr_tokens.access_token = true;
    registry_options acr;
    acr.put_body_status = 413;
    acr.mount_status = 405;
    all.push_back({"ACR", acr, token_service(acr_tokens)});

    registry_options aliyun;
    aliyun.chunk_max = "30000";
    all.push_back(
        {"Aliyun, whose Range is that of the chunk", aliyun, {}, range_after_patch("0-9")});
    all.push_back(
        {"artifact-keeper, whose Range is one too long", aliyun, {}, range_after_patch("0-30000")});
}

void add_house_registries(profile_list& all) {
    registry_options quay;
    quay.range_header = false;
    quay.location_after_patch = false;
    quay.put_status = 202;
    all.push_back({"Quay", quay, token_service({}), wants_plain_manifests});

    token_habits gitlab_tokens;
    gitlab_tokens.service = "container_registry";
    gitlab_tokens.tokens_end_before_commits = true;
    gitlab_tokens.relative_realm = true;
    all.push_back({"GitLab", registry_options{}, token_service(gitlab_tokens)});

    registry_options nexus;
    nexus.head_manifest_status = 400;
    nexus.username = "admin";
    nexus.password = "secret";
    nexus.challenges = {"BASIC realm=\"Sonatype Nexus Repository Manager\""};
    all.push_back({"Nexus", nexus, wants_content_length(step::put_manifest)});

    registry_options artifactory;
    artifactory.head_manifest_status = 403;
    artifactory.mount_status = 202;
    artifactory.digest_header = false;
    all.push_back({"Artifactory", artifactory, token_service({})});

    token_habits gitea_tokens;
    gitea_tokens.service = "container_registry";
    gitea_tokens.more_challenges = {"Basic"};
    registry_options gitea;
    gitea.keeps_referrers = false;
    all.push_back(
        {"Gitea", gitea, first_of({token_service(gitea_tokens), one_stream_to_a_session()})});

    registry_options zot;
    zot.whole_post = true;
    all.push_back({"zot", zot, knows_oci_only});
}

void add_proxies(profile_list& all) {
    registry_options ingress;
    ingress.blob_bytes_max = 20'000;
    ingress.html_errors = true;
    all.push_back({"an ingress with a limit on bodies", ingress});

    registry_options old_proxy;
    old_proxy.chunked_framing_status = 411;
    all.push_back({"a proxy that knows no chunked framing", old_proxy});

    registry_options serverless;
    serverless.chunk_max = "30000";
    all.push_back({"serverless-registry", serverless});

    registry_options no_patch;
    no_patch.whole_patch_status = 405;
    no_patch.content_range_status = 405;
    no_patch.put_body_status = 0;
    all.push_back({"a proxy that forbids PATCH, for blobs of known length", no_patch});
}

profile_list profiles() {
    profile_list all;
    add_distributions(all);
    add_clouds(all);
    add_house_registries(all);
    add_proxies(all);
    return all;
}

void check_pushed(push_scene& s, const profile& p, const std::string& archive) {
    s.registry.intercept = p.intercept;
    s.registry.adjust = p.adjust;
    s.options.retries = 2;
    s.options.retry_delay = std::chrono::milliseconds(1);
    // Where nobody asks for them, they are not sent.
    const bool basic = !p.options.username.empty();
    s.options.connection.username = basic ? p.options.username : token_habits().username;
    s.options.connection.password = basic ? p.options.password : token_habits().password;
    const push_report report = s.push(archive);
    BOOST_REQUIRE_MESSAGE(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.broken_tags().empty());
    const std::size_t open = s.registry.uploads_open();
    BOOST_TEST((open == p.sessions_lost || (p.or_fewer && open < p.sessions_lost)), open);
    BOOST_TEST(s.told.text().find(s.options.connection.password) == std::string::npos);
}

bool forbids_patch(const profile& p) {
    return p.options.whole_patch_status != 0;
}

BOOST_DATA_TEST_CASE(docker_archive_arrives, bdata::make(profiles()), p) {
    const built_image one = make_image({make_layer(1, 400'000), make_layer(2, 3'000)}, {"app:1"});
    const built_image two =
        make_image({make_layer(1, 400'000), make_layer(3, 50'000)}, {"other:1"});
    push_scene s(p.options);
    if (forbids_patch(p)) // a layer that is compressed on its way has no length
        s.options.layers = compression::none;
    check_pushed(s, p, docker_archive({one, two}));
    BOOST_TEST(s.registry.tags() == 2u);
    BOOST_TEST(tagged(s, "team/other", "1").config.digest == two.config_digest());
}

BOOST_DATA_TEST_CASE(oci_index_arrives_byte_for_byte, bdata::make(profiles()), p) {
    oci_builder oci;
    const blob amd = oci.image(make_image({make_layer(1, 400'000)}, {}));
    const blob arm = oci.image(make_image({make_layer(2, 90'000)}, {}));
    const blob root = oci.index({amd.json(), arm.json()});
    push_scene s(p.options);
    const std::string archive =
        oci.archive({root.json(annotation("io.containerd.image.name", "app:1"))});
    check_pushed(s, p, archive);
    BOOST_TEST((s.registry.tag("team/app", "1").value() == root.descriptor().digest));
}

BOOST_AUTO_TEST_SUITE_END()
