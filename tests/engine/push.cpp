#include "archive/oci_document.hpp"
#include "engine/idle_growth.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/printing.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_push)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using namespace std::string_view_literals;
namespace mt = tarpon::media_type;

/// Positions in the history of requests; the first that begins so.
std::size_t place_of(const std::vector<std::string>& history, const std::string& begin) {
    const auto found = std::find_if(history.begin(), history.end(), [&](const std::string& line) {
        return line.starts_with(begin);
    });
    BOOST_REQUIRE_MESSAGE(found != history.end(), begin);
    return static_cast<std::size_t>(found - history.begin());
}

/// Flips a byte in the middle of `part`, where it stands in `archive`.
std::string damaged(std::string archive, const std::string& part) {
    const std::size_t at = archive.find(part);
    BOOST_REQUIRE(at != std::string::npos);
    archive[at + part.size() / 2] ^= 1;
    return archive;
}

/// A pure OCI archive under one name.
std::string oci_archive(const oci_builder& oci, const blob& root, const std::string& name) {
    return oci.archive({root.json(annotation("io.containerd.image.name", name))});
}

// --- order -------------------------------------------------------------------------------------

// The whole conversation: what is there already? Then blobs, largest first, the manifest last.
BOOST_AUTO_TEST_CASE(docker_archive_becomes_an_image) {
    push_scene s;
    s.options.jobs = 1;
    const built_image image = make_image({make_layer(1, 9000), make_layer(2, 3000)}, {"app:1"});
    const auto report = s.push(docker_archive({image}));
    check_done(s, report);
    check_image(s, "team/app", "1", image);
    const std::string one = " open_upload patch put";
    BOOST_TEST(
        s.registry.steps()
        == "ping get_manifest" + one + one + " head_blob" + one + " head_manifest put_manifest");
    BOOST_TEST(tagged(s, "team/app", "1").media_type == mt::oci_manifest);
    BOOST_TEST(tagged(s, "team/app", "1").layers[0].media_type == mt::oci_layer_gzip);
    BOOST_TEST(report.summary.images == 1u);
    BOOST_TEST(report.summary.blobs_uploaded == 3u);
    BOOST_REQUIRE(s.told.images.size() == 1u);
    BOOST_TEST(s.told.images[0].reference == s.registry.host() + "/team/app:1");
    BOOST_TEST(s.told.images[0].digest == s.registry.tag("team/app", "1").value());
}

// The config names every layer, so the same config under the tag is the same image.
BOOST_AUTO_TEST_CASE(second_push_sends_nothing) {
    push_scene s;
    const std::string archive =
        docker_archive({make_image({make_layer(1), make_layer(2)}, {"app:1", "app:2"})});
    check_done(s, s.push(archive));
    s.registry.forget_history();
    const auto report = s.push(archive);
    check_done(s, report);
    BOOST_TEST(s.registry.steps() == "ping get_manifest head_manifest head_manifest");
    BOOST_TEST(report.summary.bytes_read == 0u);
    BOOST_TEST(report.summary.bytes_sent == 0u);
    BOOST_TEST((s.told.images.at(0).status == image_status::unchanged));
}

// The plan asks first: what the registry has is not read.
BOOST_AUTO_TEST_CASE(known_digest_is_asked_for_before_it_is_read) {
    push_scene s;
    s.options.jobs = 1;
    const built_image image = make_image({make_layer(1, 9000), make_layer(2, 3000)}, {});
    oci_builder oci;
    const blob root = oci.image(image);
    s.registry.add_blob("team/app", gzip(image.layers[0]));
    s.options.where = {};
    s.options.where.to = {s.place("team/app:1")};
    const auto report = s.push(oci.archive({root.json()}));
    check_done(s, report);
    const std::string one = " head_blob open_upload patch put";
    BOOST_TEST(
        s.registry.steps()
        == "ping head_manifest head_blob" + one + one + " head_manifest put_manifest");
    BOOST_TEST(report.summary.bytes_read == gzip(image.layers[1]).size() + image.config.size());
    BOOST_TEST(report.summary.blobs_skipped == 1u);
    BOOST_TEST(s.registry.tag("team/app", "1").value() == root.descriptor().digest);
}

// The largest layer is the longest way: answers that come sooner let no smaller one go before it,
// where not all of them may be sent at a time.
BOOST_AUTO_TEST_CASE(largest_layer_begins_first_whichever_answer_comes_first) {
    push_scene s;
    const int places = engine::enough_for_the_processors();
    if (places > 6) {
        BOOST_TEST_MESSAGE("SKIPPED: so many large layers would go side by side here: " << places);
        return;
    }
    s.options.jobs = places + 1;
    s.options.layers = compression::none;
    std::vector<std::string> layers;
    for (int i = 0; i <= places; ++i)
        layers.push_back(make_layer(
            static_cast<unsigned>(i),
            limits::small_blob_bytes_max + static_cast<std::size_t>(i + 1) * 100'000));
    const std::string largest = digest_of(layers.back()).str();
    const auto answers = std::make_shared<gate>(s.io);
    std::vector<std::string> begun; // ids of uploads
    std::string its_upload;
    s.registry.adjust = [&](const registry_request& request, answer& reply) {
        if (request.what == step::head_blob && request.reference == largest)
            reply.held_by = answers;
        if (request.what == step::put && request.http.parameter("digest") == largest)
            its_upload = request.reference;
        if (request.what != step::open_upload)
            return;
        for (const auto& [name, value] : reply.headers)
            if (name == "Docker-Upload-UUID")
                begun.push_back(value);
        answers->open();
    };
    oci_builder oci;
    const blob root = oci.image(make_image(layers, {}), "");
    check_done(s, s.push(oci_archive(oci, root, "app:1")));
    const auto its_place = std::find(begun.begin(), begun.end(), its_upload);
    BOOST_REQUIRE((its_place != begun.end()));
    const auto before_it = its_place - begun.begin();
    BOOST_TEST(before_it < places);
}

// reliability-anchors C19: a copy of another size is damaged, and pushing again repairs it.
BOOST_AUTO_TEST_CASE(blob_of_another_size_is_pushed_again) {
    push_scene s;
    const built_image image = make_image({make_layer(1)}, {});
    const std::string layer = gzip(image.layers[0]);
    oci_builder oci;
    const blob root = oci.image(image);
    s.registry.add_blob("team/app", layer);
    s.registry.adjust = [&](const registry_request& request, answer& reply) {
        if (request.what == step::head_blob && request.reference == digest_of(layer).str())
            reply.stated_length = layer.size() - 1;
    };
    check_done(s, s.push(oci_archive(oci, root, "app:1")));
    BOOST_TEST(s.registry.count(step::patch) == 2u); // the layer and the config
}

// A layer of two images goes once; the other repository mounts it.
BOOST_AUTO_TEST_CASE(shared_layer_goes_once_and_is_mounted) {
    push_scene s;
    const built_image a = make_image({make_layer(1), make_layer(2)}, {"a:1"});
    const built_image b = make_image({make_layer(1), make_layer(3)}, {"b:1"});
    check_done(s, s.push(docker_archive({a, b})));
    check_image(s, "team/a", "1", a);
    check_image(s, "team/b", "1", b);
    BOOST_TEST(s.registry.count(step::patch) == 5u); // three layers, two configs
    BOOST_TEST(s.registry.count(step::mount) == 1u);
    BOOST_TEST(s.told.count(blob_status::mounted) == 1u);
    BOOST_TEST(s.told.count(blob_status::uploaded) == 5u);
}

BOOST_DATA_TEST_CASE(
    refused_mount_uploads_again, bdata::make({202, 401, 403, 404, 405, 500}), status) {
    push_scene s;
    s.registry.options.mount_status = status;
    const built_image image = make_image({make_layer(1)}, {"a:1", "b:1"});
    check_done(s, s.push(docker_archive({image})));
    check_image(s, "team/a", "1", image);
    check_image(s, "team/b", "1", image);
    BOOST_TEST(s.registry.count(step::patch) == 4u);
}

// A tag is written after everything behind it: children, their blobs, referrers.
BOOST_AUTO_TEST_CASE(children_come_before_indexes_and_tags_last) {
    push_scene s;
    s.options.where = {};
    s.options.where.to = {s.place("team/ma:1"), s.place("team/ma:2")};
    check_done(s, s.push(read_file(data_file("multiarch-oci.tar"))));
    const auto history = s.registry.history();
    const auto index = tagged(s, "team/ma", "1");
    BOOST_TEST(index.is_index);
    BOOST_REQUIRE(index.manifests.size() == 2u);
    const std::size_t first = place_of(history, "put_manifest");
    for (const auto& child : index.manifests)
        BOOST_TEST(
            place_of(history, "put_manifest team/ma@" + child.digest.str())
            < place_of(history, "put_manifest team/ma:1"));
    for (std::size_t i = first; i < history.size(); ++i)
        BOOST_TEST(!history[i].starts_with("put team/"));
    BOOST_TEST(history.back() == "put_manifest team/ma:2");
    BOOST_TEST(place_of(history, "put_manifest team/ma:1") == history.size() - 3); // HEAD between
}

BOOST_AUTO_TEST_CASE(referrers_come_before_the_tag) {
    push_scene s;
    s.options.where = {};
    s.options.where.to = {s.place("team/ma:1")};
    check_done(s, s.push(read_file(data_file("oras-referrers.tar"))));
    const auto history = s.registry.history();
    const std::string sbom =
        "sha256:25d8812d0c226fb0755596b6af99a2e43dc804f87138a2aa4769678a51d93f24";
    BOOST_TEST(
        place_of(history, "put_manifest team/ma@" + sbom)
        < place_of(history, "put_manifest team/ma:1"));
    BOOST_TEST(history.back() == "put_manifest team/ma:1");
    BOOST_TEST((s.registry.manifest("team/ma", digest::parse(sbom).value()) != nullptr));
}

const char* const fixtures[] = {
    "crane-pull-gz-layers.tar", "docker20-dup-layers.tar",   "docker20-multi.tar",
    "docker20-single.tar",      "docker20-untagged.tar",     "docker28-dup-layers.tar",
    "docker28-multi.tar",       "docker28-single.tar",       "multiarch-oci.tar",
    "oras-referrers.tar",       "podman-docker-archive.tar", "skopeo-oci-archive.tar",
    "skopeo-oci-zstd.tar",
};

// What real tools write arrives whole, its layers are what the config says, and a second push has
// nothing to do.
BOOST_DATA_TEST_CASE(real_archive_arrives_whole, bdata::make(fixtures), name) {
    push_scene s;
    s.options.where = {};
    s.options.where.to = {s.place("team/app:1")};
    s.options.where.image = "@1";
    const std::string archive = read_file(data_file(name));
    check_done(s, s.push(archive));
    const auto root = tagged(s, "team/app", "1");
    if (!root.is_index) {
        const auto config =
            archive::parse_image_config(*s.registry.blob("team/app", root.config.digest)).value();
        BOOST_REQUIRE(config.diff_ids.size() == root.layers.size());
        for (std::size_t i = 0; i < root.layers.size(); ++i)
            if (root.layers[i].media_type.ends_with("gzip"))
                BOOST_TEST(
                    digest_of(gunzip(*s.registry.blob("team/app", root.layers[i].digest)))
                    == config.diff_ids[i]);
    }
    s.registry.forget_history();
    check_done(s, s.push(archive));
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
    BOOST_TEST(s.registry.count(step::patch) == 0u);
}

// An archive without manifest.json goes byte for byte, so that signatures stay valid.
BOOST_DATA_TEST_CASE(
    oci_archive_goes_byte_for_byte,
    bdata::make({"multiarch-oci.tar", "skopeo-oci-archive.tar", "skopeo-oci-zstd.tar"}),
    name) {
    push_scene s;
    s.options.where = {};
    s.options.where.to = {s.place("team/app:1")};
    const std::string archive = read_file(data_file(name));
    check_done(s, s.push(archive));
    const std::string index = "\"digest\":\"" + s.registry.tag("team/app", "1")->str();
    BOOST_TEST(archive.find(index) != std::string::npos);
    BOOST_TEST(archive.find(s.registry.tagged("team/app", "1")->bytes) != std::string::npos);
}

// --- damage ------------------------------------------------------------------------------------

// The config promises other bytes: nothing of the image becomes visible.
BOOST_AUTO_TEST_CASE(layer_that_is_not_its_diff_id_pushes_nothing) {
    push_scene s;
    built_image image = make_image({make_layer(1), make_layer(2)}, {"app:1"});
    image.layers[1] = make_layer(3);
    const auto report = s.push(docker_archive({image}));
    BOOST_TEST(report.exit_code() == 3);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].what.code() == errc::digest_mismatch);
    BOOST_TEST(
        report.failures[0].what.cause().find(digest_of(make_layer(3)).str()) != std::string::npos);
    BOOST_TEST(report.failures[0].reference == s.registry.host() + "/team/app:1");
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.count(step::put_manifest) == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

BOOST_AUTO_TEST_CASE(blob_that_is_not_its_digest_pushes_nothing) {
    push_scene s;
    const built_image image = make_image({make_layer(1)}, {});
    oci_builder oci;
    const blob root = oci.image(image);
    const std::string layer = gzip(image.layers[0]);
    const auto report = s.push(damaged(oci_archive(oci, root, "app:1"), layer));
    BOOST_TEST(report.exit_code() == 3);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].what.code() == errc::digest_mismatch);
    BOOST_TEST(!s.registry.has_blob("team/app", digest_of(layer)));
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// reliability-anchors C17: a descriptor's size is a promise like its digest, and never a reason to
// allocate.
BOOST_DATA_TEST_CASE(
    blob_of_another_size_than_its_descriptor_pushes_nothing,
    bdata::make({"-1", "+1", "0", "4611686018427387904"}) * bdata::make({false, true}),
    size,
    piped) {
    const std::string layer = gzip(make_layer(1, 3'000'000));
    const std::string right = std::to_string(layer.size());
    const std::string wrong = size == std::string("-1")   ? std::to_string(layer.size() - 1)
                              : size == std::string("+1") ? std::to_string(layer.size() + 1)
                                                          : size;
    oci_builder oci;
    const blob stored = oci.add(mt::oci_layer_gzip, layer);
    const blob config = oci.add(mt::oci_config, make_image({make_layer(1, 3'000'000)}, {}).config);
    std::string described = stored.json();
    described.replace(described.rfind(right), right.size(), wrong);
    const blob root = oci.add(
        mt::oci_manifest, concat(
                              R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest,
                              R"(","config":)", config.json(), R"(,"layers":[)", described, "]}"));
    push_scene s;
    s.registry.options.checks_references = false;
    const std::string archive = oci_archive(oci, root, "app:1");
    const auto report = piped ? s.push_piped(archive) : s.push(archive);
    BOOST_TEST(report.exit_code() == 3, explain(report));
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// reliability-anchors C18: a tar reader stops at the end marker, a digest does not.
BOOST_AUTO_TEST_CASE(bytes_after_the_end_of_a_layer_belong_to_it) {
    push_scene s;
    const built_image image = make_image({make_layer(1) + std::string(700, 'j')}, {"app:1"});
    check_done(s, s.push(docker_archive({image})));
    check_image(s, "team/app", "1", image);
    built_image longer = make_image({make_layer(2)}, {"app:2"});
    longer.layers[0] += std::string(512, '\0');
    const auto report = s.push(docker_archive({longer}));
    BOOST_TEST(report.failures.at(0).what.code() == errc::digest_mismatch);
    BOOST_TEST(!s.registry.tag("team/app", "2").has_value());
}

// reliability-anchors A1: a manifest's `urls` are somebody else's words; nobody goes there.
BOOST_AUTO_TEST_CASE(urls_of_layers_are_never_fetched) {
    for (const bool foreign : {true, false}) {
        push_scene s;
        const std::string urls =
            concat(R"("urls":[")", s.registry.other_server().origin().str(), R"(/layer"])");
        oci_builder oci;
        const built_image image = make_image({make_layer(1)}, {});
        const blob layer = oci.add(
            foreign ? "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
                    : mt::oci_layer_gzip,
            gzip(image.layers[0]));
        const blob config = oci.add(mt::oci_config, image.config);
        const blob root = oci.add(
            mt::oci_manifest,
            concat(
                R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest, R"(","config":)",
                config.json(), R"(,"layers":[)", layer.json(urls), "]}"));
        oci.forget(layer);
        const auto report = s.push(oci_archive(oci, root, "app:1"));
        BOOST_TEST(report.exit_code() == (foreign ? 0 : 3), explain(report));
        BOOST_TEST(s.registry.other_server().log().empty());
    }
}

// A damaged blob that the registry has undamaged is not read, so it does no harm.
BOOST_AUTO_TEST_CASE(damage_in_what_is_not_read_does_no_harm) {
    push_scene s;
    const built_image image = make_image({make_layer(1)}, {});
    oci_builder oci;
    const blob root = oci.image(image);
    const std::string layer = gzip(image.layers[0]);
    s.registry.add_blob("team/app", layer);
    check_done(s, s.push(damaged(oci_archive(oci, root, "app:1"), layer)));
    BOOST_TEST(*s.registry.blob("team/app", digest_of(layer)) == layer);
}

// One bad image does not stop the others: exit code 7, and every good one is there.
BOOST_AUTO_TEST_CASE(bad_image_among_good_ones_is_the_only_one_missing) {
    push_scene s;
    const built_image a = make_image({make_layer(1), make_layer(2)}, {"a:1"});
    built_image bad = make_image({make_layer(1), make_layer(4)}, {"bad:1"});
    const built_image c = make_image({make_layer(1), make_layer(3)}, {"c:1", "c:2"});
    bad.layers[1] = make_layer(5);
    const auto report = s.push(docker_archive({a, bad, c}));
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].reference == s.registry.host() + "/team/bad:1");
    BOOST_TEST(report.summary.images == 3u);
    BOOST_TEST(report.summary.failed == 1u);
    BOOST_TEST(s.registry.tags() == 3u);
    check_image(s, "team/a", "1", a);
    check_image(s, "team/c", "2", c);
}

BOOST_AUTO_TEST_CASE(refused_repository_fails_its_image_only) {
    push_scene s;
    s.registry.options.denied_repositories = {"team/b"};
    const built_image a = make_image({make_layer(1)}, {"a:1", "b:1"});
    const auto report = s.push(docker_archive({a}));
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].what.code() == errc::registry_denied);
    check_image(s, "team/a", "1", a);
    BOOST_TEST(s.registry.tags() == 1u);
}

BOOST_AUTO_TEST_CASE(unnamed_image_fails_alone) {
    push_scene s;
    const auto report = s.push(
        docker_archive({make_image({make_layer(1)}, {}), make_image({make_layer(2)}, {"b:1"})}));
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].what.code() == errc::archive_unnamed);
    BOOST_TEST(report.failures[0].what.hint().find("--image @1") != std::string::npos);
    BOOST_TEST(s.registry.tag("team/b", "1").has_value());
}

// Of several archives a bad one is reported, and the others are pushed.
BOOST_AUTO_TEST_CASE(bad_archive_among_good_ones_is_the_only_one_missing) {
    push_scene s;
    const auto report = s.push(
        {docker_archive({make_image({make_layer(1)}, {"a:1"})}), "no archive at all",
         docker_archive({make_image({make_layer(2)}, {"c:1"})})});
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].archive == s.file(1));
    BOOST_TEST(report.failures[0].reference.empty());
    BOOST_TEST(s.registry.tags() == 2u);
    const auto missing = s.push_names({"/nonexistent/a.tar"});
    BOOST_TEST(missing.exit_code() == 3);
    BOOST_TEST(missing.failures.at(0).what.code() == errc::archive_unreadable);
}

// Archives go in the order they are given: the later one has the tag, and that is said.
BOOST_AUTO_TEST_CASE(tag_of_two_archives_is_the_later_ones) {
    push_scene s;
    const built_image a = make_image({make_layer(1)}, {"app:1", "app:latest"});
    const built_image b = make_image({make_layer(2)}, {"app:2", "app:latest"});
    const built_image c = make_image({make_layer(3)}, {"app:latest"});
    const auto report = s.push(
        {docker_archive({a}), docker_archive({b}), docker_archive({b}), docker_archive({c})});
    BOOST_TEST(report.exit_code() == 0);
    check_image(s, "team/app", "1", a);
    check_image(s, "team/app", "2", b);
    check_image(s, "team/app", "latest", c);
    const std::string tag = s.registry.host() + "/team/app:latest";
    const auto told = [&](std::size_t now, std::size_t before, const digest& was) {
        return tag + " is now the image of " + s.file(now) + ", no longer that of " + s.file(before)
               + " (" + was.str() + "): both archives have that name";
    };
    BOOST_REQUIRE(s.told.warnings.size() == 2u);
    BOOST_TEST(s.told.warnings[0] == told(1, 0, report.images.at(1).digest));
    BOOST_TEST(s.told.warnings[1] == told(3, 2, report.images.at(3).digest));
}

// reliability-anchors 5, s16: an archive that shrinks under our hands never gets its tag.
BOOST_AUTO_TEST_CASE(archive_that_shrinks_is_not_tagged) {
    push_scene s;
    s.options.jobs = 1;
    const built_image image = make_image({make_layer(1, 900'000), make_layer(2, 800'000)}, {"a:1"});
    bool cut = false;
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::open_upload && !std::exchange(cut, true))
            std::filesystem::resize_file(s.file(), 500'000);
        return std::nullopt;
    };
    const auto report = s.push(docker_archive({image}));
    BOOST_TEST(report.exit_code() == 3);
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// Bytes that change without the size: the digests notice, and so does the last look at the file.
BOOST_AUTO_TEST_CASE(archive_that_changes_is_not_tagged) {
    push_scene s;
    s.options.jobs = 1;
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::put)
            std::filesystem::last_write_time(
                s.file(), std::filesystem::last_write_time(s.file()) + std::chrono::hours(1));
        return std::nullopt;
    };
    const auto report = s.push(docker_archive({image}));
    BOOST_TEST(report.exit_code() == 3);
    BOOST_TEST(report.failures.at(0).what.code() == errc::archive_changed);
    BOOST_TEST(s.registry.tags() == 0u);
}

// limits.hpp: an image of as many layers as allowed goes, one more is an error that names the
// limit, and ten thousand are no different.
BOOST_AUTO_TEST_CASE(layers_up_to_the_limit) {
    const auto image_of = [](std::size_t layers) {
        const std::string layer = make_layer(1, 10);
        return docker_archive({make_image(std::vector<std::string>(layers, layer), {"many:1"})});
    };
    push_scene s;
    check_done(s, s.push(image_of(limits::layers_per_manifest_max)));
    BOOST_TEST(tagged(s, "team/many", "1").layers.size() == limits::layers_per_manifest_max);
    BOOST_TEST(s.registry.count(step::patch) == 2u);
    for (const std::size_t layers : {limits::layers_per_manifest_max + 1, std::size_t{10'000}}) {
        push_scene over;
        const auto report = over.push(image_of(layers));
        BOOST_TEST(report.exit_code() == 3);
        BOOST_TEST(
            report.failures.at(0).what.message().find(
                std::to_string(limits::layers_per_manifest_max))
            != std::string::npos);
        BOOST_TEST(over.registry.tags() == 0u);
    }
}

// --- formats -----------------------------------------------------------------------------------

struct fallback_sample {
    int status;
    const char* code;
};
std::ostream& operator<<(std::ostream& out, const fallback_sample& s) {
    return out << s.status << ' ' << s.code;
}
const fallback_sample fallbacks[] = {
    {415, "UNSUPPORTED"}, {400, "MANIFEST_INVALID"}, {404, "MANIFEST_BLOB_UNKNOWN"}};

// registry-protocol 7: OCI first, Docker schema 2 over the same blobs where that is refused.
BOOST_DATA_TEST_CASE(refused_oci_manifest_goes_as_docker, bdata::make(fallbacks), f) {
    push_scene s;
    s.registry.options.oci_manifest_status = f.status;
    s.registry.options.oci_manifest_code = f.code;
    const built_image image = make_image({make_layer(1)}, {"app:1", "app:2"});
    check_done(s, s.push(docker_archive({image})));
    check_image(s, "team/app", "1", image);
    const auto document = tagged(s, "team/app", "2");
    BOOST_TEST(document.media_type == mt::docker_manifest);
    BOOST_TEST(document.config.media_type == mt::docker_config);
    BOOST_TEST(document.layers.at(0).media_type == mt::docker_layer_gzip);
    BOOST_TEST(s.registry.count(step::patch) == 2u);
    BOOST_TEST(s.registry.count(step::put_manifest) == 3u); // refused once, then known
    BOOST_TEST(s.told.warnings.size() == 1u);
}

// No other type can hold zstd layers, and none is tried where one was asked for.
BOOST_AUTO_TEST_CASE(refused_oci_manifest_without_another_way_fails) {
    for (const bool zstd : {true, false}) {
        push_scene s;
        s.registry.options.oci_manifest_status = 415;
        s.options.layers = zstd ? compression::zstd : compression::gzip;
        s.options.format = zstd ? manifest_format::automatic : manifest_format::oci;
        const auto report = s.push(docker_archive({make_image({make_layer(1)}, {"app:1"})}));
        BOOST_TEST(report.exit_code() == 5);
        BOOST_TEST(report.failures.at(0).what.code() == errc::registry_manifest_rejected);
        BOOST_TEST(s.registry.count(step::put_manifest) == 1u);
        BOOST_TEST(s.registry.tags() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(docker_format_is_used_when_asked_for) {
    push_scene s;
    s.options.format = manifest_format::docker;
    const built_image image = make_image({make_layer(1)}, {"app:1"});
    check_done(s, s.push(docker_archive({image})));
    check_image(s, "team/app", "1", image);
    BOOST_TEST(tagged(s, "team/app", "1").media_type == mt::docker_manifest);
    BOOST_TEST(s.registry.count(step::put_manifest) == 1u);
}

// Registries with immutable tags refuse even an equal manifest, so it is not sent again.
BOOST_AUTO_TEST_CASE(immutable_tag_of_an_equal_image_is_no_error) {
    push_scene s;
    s.registry.options.immutable_tags = true;
    const built_image image = make_image({make_layer(1)}, {"app:1"});
    oci_builder oci;
    const blob root = oci.image(make_image({make_layer(2)}, {}));
    for (const std::string& archive :
         {docker_archive({image}), oci_archive(oci, root, "other:1")}) {
        check_done(s, s.push(archive));
        const std::size_t puts = s.registry.count(step::put_manifest);
        check_done(s, s.push(archive));
        BOOST_TEST(s.registry.count(step::put_manifest) == puts);
    }
}

BOOST_AUTO_TEST_CASE(immutable_tag_of_another_image_stays) {
    push_scene s;
    s.registry.options.immutable_tags = true;
    const built_image image = make_image({make_layer(1)}, {"app:1"});
    check_done(s, s.push(docker_archive({image})));
    const auto report = s.push(docker_archive({make_image({make_layer(2)}, {"app:1"})}));
    BOOST_TEST(report.exit_code() == 5);
    BOOST_TEST(report.failures.at(0).what.http_status() == 409);
    check_image(s, "team/app", "1", image);
}

// --- platforms ---------------------------------------------------------------------------------

struct two_platforms {
    oci_builder oci;
    built_image arm_image = make_image({make_layer(2)}, {});
    blob amd = oci.image(make_image({make_layer(1)}, {}));
    blob arm = oci.image(arm_image);
    blob index = oci.index(
        {amd.json(R"("platform":{"os":"linux","architecture":"amd64"})"),
         arm.json(R"("platform":{"os":"linux","architecture":"arm64"})")});
    std::string archive() const { return oci_archive(oci, index, "ma:1"); }
};

// An index that names what is nowhere is an error that names it …
BOOST_AUTO_TEST_CASE(missing_platform_is_an_error) {
    push_scene s;
    const auto report = s.push(read_file(data_file("docker28-containerd-missing-platform.tar")));
    BOOST_TEST(report.exit_code() == 3);
    const error& what = report.failures.at(0).what;
    BOOST_TEST(what.code() == errc::archive_platform_missing);
    BOOST_TEST(what.message().find("linux/arm64") != std::string::npos);
    BOOST_TEST(what.hint().find("--missing-platforms prune") != std::string::npos);
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
}

// … or is left out, and said to be …
BOOST_AUTO_TEST_CASE(missing_platform_is_pruned_on_request) {
    push_scene s;
    s.options.if_platforms_missing = missing_platforms::prune;
    check_done(s, s.push(read_file(data_file("docker28-containerd-missing-platform.tar"))));
    const auto index = tagged(s, "team/fixture/ma", "1");
    BOOST_REQUIRE(index.manifests.size() == 1u);
    BOOST_TEST(index.manifests[0].platform->str() == "linux/amd64");
    BOOST_REQUIRE(s.told.warnings.size() == 1u);
    BOOST_TEST(s.told.warnings[0].find("linux/arm64") != std::string::npos);
}

// … but not out of an archive that has no end: then it may have been there.
BOOST_AUTO_TEST_CASE(what_an_archive_without_end_lacks_was_cut_off) {
    two_platforms made;
    made.oci.forget(made.arm);
    const std::string whole = made.archive();
    const std::string cut = whole.substr(0, whole.find_last_not_of('\0') / 512 * 512 + 512);
    for (const char* asked : {"", "prune", "linux/arm64"})
        for (const bool piped : {false, true}) {
            push_scene s;
            if (asked == "prune"sv)
                s.options.if_platforms_missing = missing_platforms::prune;
            else if (*asked)
                s.options.platforms = {asked};
            const auto report = piped ? s.push_piped(cut) : s.push(cut);
            BOOST_TEST(report.exit_code() == 3);
            const error& what = report.failures.at(0).what;
            BOOST_TEST(what.code() == errc::archive_truncated);
            BOOST_TEST(what.message().find("linux/arm64") != std::string::npos);
            BOOST_TEST(what.hint().empty());
            BOOST_TEST(s.registry.tags() == 0u);
        }
    // One block of the two is an end.
    push_scene s;
    s.options.if_platforms_missing = missing_platforms::prune;
    check_done(s, s.push(cut + std::string(512, '\0')));
}

// … unless the repository has it already.
BOOST_AUTO_TEST_CASE(platform_that_the_registry_has_is_not_missing) {
    two_platforms made;
    push_scene s;
    check_done(s, s.push(made.archive()));
    s.registry.forget_history();
    made.oci.forget(made.arm);
    const blob index = made.oci.index(
        {made.arm.json(R"("platform":{"os":"linux","architecture":"arm64"})"),
         made.amd.json(R"("platform":{"os":"linux","architecture":"amd64"})")});
    check_done(s, s.push(oci_archive(made.oci, index, "ma:2")));
    BOOST_TEST(s.registry.tagged("team/ma", "2")->bytes == index.bytes);
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
}

// A manifest that is there and lacks a blob is as good as missing.
BOOST_AUTO_TEST_CASE(platform_that_lacks_a_blob_is_missing) {
    two_platforms made;
    made.oci.forget({std::string(mt::oci_layer_gzip), gzip(made.arm_image.layers[0])});
    push_scene s;
    const auto report = s.push(made.archive());
    BOOST_TEST(report.exit_code() == 3);
    BOOST_TEST(report.failures.at(0).what.code() == errc::archive_platform_missing);
    push_scene pruning;
    pruning.options.if_platforms_missing = missing_platforms::prune;
    check_done(pruning, pruning.push(made.archive()));
    BOOST_TEST(tagged(pruning, "team/ma", "1").manifests.size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_platform_goes_as_an_image) {
    const two_platforms made;
    push_scene s;
    s.options.platforms = {"linux/arm64"};
    check_done(s, s.push(made.archive()));
    BOOST_TEST(s.registry.tag("team/ma", "1").value() == made.arm.descriptor().digest);
    BOOST_TEST(s.registry.blobs() == 2u);
}

BOOST_AUTO_TEST_CASE(platform_of_another_machine_is_an_error) {
    push_scene s;
    s.options.platforms = {"linux/riscv64"};
    for (const std::string& archive :
         {two_platforms().archive(), docker_archive({make_image({make_layer(1)}, {"a:1"})})}) {
        const auto report = s.push(archive);
        BOOST_TEST(report.exit_code() == 3);
        BOOST_TEST(report.failures.at(0).what.code() == errc::archive_platform_missing);
    }
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
}

// --- the rest ----------------------------------------------------------------------------------

// A dry run only looks, and says what a push would send.
BOOST_AUTO_TEST_CASE(dry_run_sends_nothing) {
    push_scene s;
    s.options.dry_run = true;
    const std::string archive =
        docker_archive({make_image({make_layer(1), make_layer(2)}, {"app:1", "app:2"})});
    BOOST_TEST(s.push(archive).exit_code() == 0);
    BOOST_REQUIRE(s.told.plans.size() == 2u);
    BOOST_TEST(s.told.plans[0].blobs == 3u);
    BOOST_TEST(s.told.plans[0].blobs_to_send == 3u);
    BOOST_TEST(s.registry.blobs() == 0u);
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
    s.options.dry_run = false;
    check_done(s, s.push(archive));
    s.options.dry_run = true;
    BOOST_TEST(s.push(archive).exit_code() == 0);
    BOOST_TEST(s.told.plans.at(0).blobs_to_send == 0u);
}

// The classes of failure and their exit codes, before anything was read.
BOOST_AUTO_TEST_CASE(registry_that_cannot_be_used_says_how) {
    const std::string archive = docker_archive({make_image({make_layer(1)}, {"app:1"})});
    push_scene s;
    s.registry.options.username = "alice";
    s.registry.options.password = "opensesame";
    auto report = s.push(archive);
    BOOST_TEST(report.exit_code() == 4);
    BOOST_TEST(report.failures.at(0).what.code() == errc::registry_unauthorized);
    s.options.connection.username = "alice";
    s.options.connection.password = "wrong-secret";
    BOOST_TEST(s.push(archive).exit_code() == 4);
    BOOST_TEST(s.told.text().find("wrong-secret") == std::string::npos);
    s.options.connection.password = "opensesame";
    check_done(s, s.push(archive));
    BOOST_TEST(s.told.text().find("opensesame") == std::string::npos);
    s.registry.options.username.clear();
    s.registry.options.ping_status = 404;
    report = s.push(archive);
    BOOST_TEST(report.exit_code() == 5, explain(report) + s.registry.steps());
    s.registry.options.ping_status = 500;
    BOOST_TEST(s.push(archive).exit_code() == 5);
    s.options.where.registry = "http://127.0.0.1:1";
    BOOST_TEST(s.push(archive).exit_code() == 6);
}

// On loopback https is tried first, and http follows by itself.
BOOST_AUTO_TEST_CASE(loopback_registry_without_tls_is_found) {
    push_scene s;
    s.options.where.registry = s.registry.host() + "/team";
    check_done(s, s.push(docker_archive({make_image({make_layer(1)}, {"app:1"})})));
    BOOST_TEST(s.registry.count(step::ping) == 1u);
}

// What is wrong with the options is thrown before anything is asked.
BOOST_AUTO_TEST_CASE(senseless_options_are_thrown) {
    const auto code_of = [](const std::function<void(push_options&)>& spoil) {
        push_scene s;
        spoil(s.options);
        try {
            (void)s.push("");
        } catch (const error& e) {
            BOOST_TEST(s.registry.steps().empty());
            return e.code();
        }
        return errc::internal;
    };
    BOOST_TEST(code_of([](push_options& o) { o.where = {}; }) == errc::usage);
    BOOST_TEST(code_of([](push_options& o) { o.jobs = 0; }) == errc::usage);
    BOOST_TEST(code_of([](push_options& o) { o.jobs = limits::jobs_max + 1; }) == errc::usage);
    BOOST_TEST(code_of([](push_options& o) { o.threads = -1; }) == errc::usage);
    BOOST_TEST(code_of([](push_options& o) { o.memory_bytes = 1000; }) == errc::usage);
    BOOST_TEST(
        code_of([](push_options& o) {
            o.memory_bytes = limits::zstd_memory_bytes_min - 1;
            o.layers = compression::zstd;
        })
        == errc::usage);
    BOOST_TEST(code_of([](push_options& o) { o.compression_level = 99; }) == errc::usage);
    BOOST_TEST(
        code_of([](push_options& o) {
            o.format = manifest_format::docker;
            o.layers = compression::zstd;
        })
        == errc::usage);
}

// The output depends on the input and the options, not on threads or jobs.
BOOST_AUTO_TEST_CASE(result_does_not_depend_on_threads_and_jobs) {
    const std::string archive =
        docker_archive({make_image({make_layer(1, 2'000'000), make_layer(2, 700'000)}, {"app:1"})});
    std::optional<digest> first;
    for (const int count : {1, 2, 5}) {
        push_scene s;
        s.options.jobs = count;
        s.options.threads = count;
        s.options.memory_bytes = limits::buffer_memory_bytes_min;
        check_done(s, s.push(archive));
        const auto now = s.registry.tag("team/app", "1");
        BOOST_TEST(now.value() == first.value_or(*now));
        first = now;
    }
}

BOOST_AUTO_TEST_SUITE_END()
