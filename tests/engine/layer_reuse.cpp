#include "engine/layer_reuse.hpp"

#include "support/image_builder.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_layer_reuse)

using namespace tarpon;
using namespace tarpon::test;

const std::string base_layer = make_layer(1, 50'000);

built_image image_of(unsigned top, const std::string& name) {
    return make_image({base_layer, make_layer(top, 5'000)}, {name});
}

void push_well(push_scene& s, const std::string& archive) {
    check_done(s, s.push(archive));
}

// A rebuilt image under its old tag: only the layer that changed is read and sent.
BOOST_AUTO_TEST_CASE(layers_of_the_image_that_the_tag_names_are_reused) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    const built_image rebuilt = image_of(3, "app:1");
    push_well(s, docker_archive({rebuilt}));
    check_image(s, "team/app", "1", rebuilt);
    BOOST_TEST(s.told.count(blob_status::reused) == 1u);
    BOOST_TEST(s.told.count(blob_status::uploaded) == 2u); // a layer and the config
    const auto reused = std::find_if(s.told.blobs.begin(), s.told.blobs.end(), [](const auto& one) {
        return one.status == blob_status::reused;
    });
    BOOST_REQUIRE(reused != s.told.blobs.end());
    BOOST_TEST(reused->digest == tagged(s, "team/app", "1").layers[0].digest);
    BOOST_TEST(reused->bytes_sent == 0u);
}

BOOST_AUTO_TEST_CASE(summary_shows_that_reused_layers_are_not_read) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    const push_report report = s.push(docker_archive({image_of(3, "app:1")}));
    BOOST_TEST(report.summary.bytes_read < base_layer.size());
    BOOST_TEST(report.summary.blobs_skipped == 1u);
}

BOOST_AUTO_TEST_CASE(another_tag_reuses_what_it_is_told_to) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    push_well(s, docker_archive({image_of(3, "app:2")}));
    BOOST_TEST(s.told.count(blob_status::reused) == 0u); // nobody said so
    s.options.reuse_from = {s.place("team/app:1")};
    const built_image third = image_of(4, "app:3");
    push_well(s, docker_archive({third}));
    BOOST_TEST(s.told.count(blob_status::reused) == 1u);
    check_image(s, "team/app", "3", third);
}

BOOST_AUTO_TEST_CASE(layers_of_another_repository_are_mounted) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "base:1")}));
    s.options.reuse_from = {s.place("team/base:1")};
    const built_image one = image_of(3, "app:1");
    push_well(s, docker_archive({one}));
    BOOST_TEST(s.told.count(blob_status::mounted) == 1u);
    check_image(s, "team/app", "1", one);
}

// Mounting is the registry's to refuse: the layer is compressed after all.
BOOST_AUTO_TEST_CASE(refused_mounts_are_no_failure) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "base:1")}));
    s.registry.options.mount_status = 405;
    s.options.reuse_from = {s.place("team/base:1")};
    const built_image one = image_of(3, "app:1");
    push_well(s, docker_archive({one}));
    BOOST_TEST(s.told.count(blob_status::uploaded) == 3u);
    check_image(s, "team/app", "1", one);
}

// All repositories of a blob get the same one.
BOOST_AUTO_TEST_CASE(layers_that_only_one_of_two_repositories_has_are_not_reused) {
    push_scene s;
    s.options.compression_level = 9;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    s.options.compression_level = 1;
    s.registry.options.mount_status = 405;
    const built_image app = image_of(3, "app:1"), other = image_of(4, "other:1");
    push_well(s, docker_archive({app, other}));
    BOOST_TEST(s.told.count(blob_status::reused) == 0u);
    check_image(s, "team/app", "1", app);
    check_image(s, "team/other", "1", other);
}

// A manifest outlives its blobs in some registries.
BOOST_AUTO_TEST_CASE(layers_that_are_gone_are_pushed) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    s.registry.options.head_blob_status = 404;
    const built_image rebuilt = image_of(3, "app:1");
    push_well(s, docker_archive({rebuilt}));
    BOOST_TEST(s.told.count(blob_status::reused) == 0u);
    check_image(s, "team/app", "1", rebuilt);
}

BOOST_AUTO_TEST_CASE(another_compression_is_not_reused) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    s.options.layers = compression::zstd;
    push_well(s, docker_archive({image_of(3, "app:1")}));
    BOOST_TEST(s.told.count(blob_status::reused) == 0u);
}

// The image that is there is only an opportunity.
BOOST_AUTO_TEST_CASE(config_that_cannot_be_read_is_no_failure) {
    push_scene s;
    push_well(s, docker_archive({image_of(2, "app:1")}));
    s.registry.adjust = [](const registry_request& request, answer& reply) {
        if (request.what == step::get_blob)
            reply = answer::with(200, "{\"rootfs\":{\"diff_ids\":[]}}");
    };
    const built_image rebuilt = image_of(3, "app:1");
    push_well(s, docker_archive({rebuilt}));
    BOOST_TEST(s.told.count(blob_status::reused) == 0u);
    check_image(s, "team/app", "1", rebuilt);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_to_reuse_is_a_warning) {
    push_scene s;
    s.options.reuse_from = {s.place("team/none:1")};
    push_well(s, docker_archive({image_of(2, "app:1")}));
    BOOST_REQUIRE(s.told.warnings.size() == 1u);
    BOOST_TEST(s.told.warnings[0].find("team/none") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
