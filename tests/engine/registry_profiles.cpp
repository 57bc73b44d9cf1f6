// A whole push against every kind of registry: what is known of how each one deviates, as switches
// of the fake one. Byte limits are small here, so that small images run into them.
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_registry_profiles)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using place = registry_options::location;
using interceptor = std::function<std::optional<answer>(const registry_request&)>;

struct profile {
    const char* name;
    registry_options options;
    interceptor intercept = {};
};
std::ostream& operator<<(std::ostream& out, const profile& p) {
    return out << p.name;
}

std::optional<answer> wants_content_length_at_post(const registry_request& request) {
    const bool bare =
        request.what == step::open_upload && request.http.header("Content-Length").empty();
    return bare ? std::optional(answer::with(411, "Length Required")) : std::nullopt;
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

/// Each first answer of a kind is "too many requests"; but sessions are dropped at the first try or
/// left to expire.
interceptor throttles_once() {
    return [seen = std::set<step>()](
               const registry_request& request) mutable -> std::optional<answer> {
        if (request.what == step::drop_upload || !seen.insert(request.what).second)
            return std::nullopt;
        return answer::with(429, "slowly").header("Retry-After", "0").after_body_bytes(10'000'000);
    };
}

std::vector<profile> profiles() {
    std::vector<profile> all;
    const auto add = [&](const char* name, registry_options options, interceptor intercept = {}) {
        all.push_back({name, std::move(options), std::move(intercept)});
    };
    registry_options distribution;
    distribution.locations = place::absolute;
    distribution.query_in_location = true;
    add("distribution", distribution);
    distribution.locations = place::http_scheme;
    add("distribution with relative URLs off, behind nothing", distribution);

    registry_options ecr;
    ecr.patch_status = 201;
    ecr.chunk_min = "5242880";
    ecr.username = "AWS";
    ecr.password = "token";
    ecr.moving_location = true;
    add("ECR", ecr);

    registry_options gar;
    gar.content_range_status = 416;
    gar.mount_status = 202;
    add("Artifact Registry", gar, wants_content_length_at_post);

    add("GHCR", registry_options{}, refuses_large_chunks);
    add("Docker Hub, and others that throttle", registry_options{}, throttles_once());

    registry_options acr;
    acr.put_body_status = 413;
    acr.mount_status = 405;
    add("ACR", acr);

    registry_options harbor;
    harbor.put_body_status = 500;
    harbor.mount_status = 401;
    add("Harbor 1.9", harbor);

    registry_options quay;
    quay.range_header = false;
    quay.location_after_patch = false;
    quay.put_status = 202;
    add("Quay", quay);

    registry_options nexus;
    nexus.head_manifest_status = 400;
    nexus.username = "admin";
    nexus.password = "secret";
    nexus.challenges = {"BASIC realm=\"Sonatype Nexus Repository Manager\""};
    add("Nexus", nexus);

    registry_options artifactory;
    artifactory.head_manifest_status = 403;
    artifactory.mount_status = 202;
    artifactory.digest_header = false;
    add("Artifactory", artifactory);

    registry_options gitea;
    gitea.username = "admin";
    gitea.password = "secret";
    gitea.challenges = {"Basic"};
    gitea.patch_status = 204;
    add("Gitea", gitea);

    registry_options zot;
    zot.query_in_location = true;
    zot.whole_post = true;
    zot.patch_status = 202;
    add("zot", zot);

    registry_options ingress;
    ingress.blob_bytes_max = 20'000;
    ingress.html_errors = true;
    add("an ingress with a limit on bodies", ingress);

    registry_options old_proxy;
    old_proxy.chunked_framing_status = 411;
    add("a proxy that knows no chunked framing", old_proxy);

    registry_options serverless;
    serverless.chunk_max = "30000";
    add("serverless-registry", serverless);

    registry_options no_patch;
    no_patch.whole_patch_status = 405;
    no_patch.content_range_status = 405;
    no_patch.put_body_status = 0;
    add("a proxy that forbids PATCH, for blobs of known length", no_patch);
    return all;
}

push_report push_to(push_scene& s, const profile& p, const std::string& archive) {
    s.registry.intercept = p.intercept;
    s.options.retries = 2;
    s.options.retry_delay = std::chrono::milliseconds(1);
    s.options.connection.username = p.options.username;
    s.options.connection.password = p.options.password;
    return s.push(archive);
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
    check_done(s, push_to(s, p, docker_archive({one, two})));
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
    check_done(s, push_to(s, p, archive));
    BOOST_TEST((s.registry.tag("team/app", "1").value() == root.descriptor().digest));
}

BOOST_AUTO_TEST_SUITE_END()
