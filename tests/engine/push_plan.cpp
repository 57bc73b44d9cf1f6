#include "engine/push_plan.hpp"

#include "archive/archive_file.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "support/image_builder.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_push_plan)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using archive::archive_contents;
using archive::encoding;
using engine::image_target;
using engine::plan_builder;
using engine::push_plan;
using engine::treat_layer;
using registry::layer_form;

archive_contents contents_of(const std::string& tar) {
    const temp_dir dir;
    return archive::archive_file::open(dir.write("a.tar", tar)).value().index().value();
}

image_target target(std::size_t image, std::string path, std::vector<std::string> tags = {"1"}) {
    return {image, {"h:1", std::move(path), {}}, std::move(tags)};
}

struct treatment_sample {
    encoding stored;
    compression wanted;
    manifest_format format;
    bool decode, encode;
    layer_form form;
};
std::ostream& operator<<(std::ostream& out, const treatment_sample& s) {
    return out << static_cast<int>(s.stored) << " as " << static_cast<int>(s.wanted) << " in "
               << static_cast<int>(s.format);
}

const auto any = manifest_format::automatic;
const auto docker = manifest_format::docker;

const treatment_sample treatments[] = {
    // automatic: plain layers become gzip, the rest stays, what has no media type becomes gzip
    {encoding::tar, compression::automatic, any, false, true, layer_form::gzip},
    {encoding::gzip, compression::automatic, any, false, false, layer_form::gzip},
    {encoding::zstd, compression::automatic, any, false, false, layer_form::zstd},
    {encoding::xz, compression::automatic, any, true, true, layer_form::gzip},
    {encoding::bzip2, compression::automatic, any, true, true, layer_form::gzip},
    // Docker schema 2 has no zstd
    {encoding::zstd, compression::automatic, docker, true, true, layer_form::gzip},
    {encoding::tar, compression::automatic, docker, false, true, layer_form::gzip},
    // what was asked for
    {encoding::tar, compression::gzip, any, false, true, layer_form::gzip},
    {encoding::gzip, compression::gzip, any, false, false, layer_form::gzip},
    {encoding::zstd, compression::gzip, any, true, true, layer_form::gzip},
    {encoding::tar, compression::zstd, any, false, true, layer_form::zstd},
    {encoding::gzip, compression::zstd, any, true, true, layer_form::zstd},
    {encoding::zstd, compression::zstd, any, false, false, layer_form::zstd},
    {encoding::tar, compression::none, any, false, false, layer_form::plain},
    {encoding::gzip, compression::none, any, true, false, layer_form::plain},
    {encoding::zstd, compression::none, docker, true, false, layer_form::plain},
    {encoding::xz, compression::none, any, true, false, layer_form::plain},
};

BOOST_DATA_TEST_CASE(layer_is_treated_as_asked, bdata::make(treatments), s) {
    const auto got = treat_layer(s.stored, s.wanted, s.format);
    BOOST_REQUIRE(got);
    BOOST_TEST(got->decode == s.decode);
    BOOST_TEST(got->encode == s.encode);
    BOOST_TEST((got->form == s.form));
    BOOST_TEST(got->as_is() == (!s.decode && !s.encode));
}

BOOST_AUTO_TEST_CASE(zstd_in_docker_schema_2_is_refused) {
    for (const auto stored : {encoding::tar, encoding::gzip, encoding::zstd}) {
        const auto got = treat_layer(stored, compression::zstd, docker);
        BOOST_REQUIRE(!got);
        BOOST_TEST(got.error().code == errc::usage);
    }
}

push_options with(compression layers) {
    push_options options;
    options.layers = layers;
    return options;
}

// Byte for byte wherever nothing about the layers has to change.
BOOST_AUTO_TEST_CASE(verbatim_where_nothing_changes) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    const auto from_docker = contents_of(docker_archive({image}));
    for (const auto layers : {compression::automatic, compression::gzip, compression::none})
        BOOST_TEST(!engine::push_verbatim(from_docker.images[0], with(layers)));
    for (const char* suffix : {"", "+gzip", "+zstd"}) {
        oci_builder oci;
        const blob root = oci.image(image, suffix);
        const auto pure = contents_of(oci.archive({root.json()}));
        for (const auto layers : {compression::automatic, compression::gzip, compression::zstd})
            BOOST_TEST(engine::push_verbatim(pure.images[0], with(layers)));
    }
}

/// manifest.json beside index.json, as Docker 25 and containerd write.
std::string both_sides(const built_image& image, const std::string& suffix) {
    oci_builder oci;
    const blob root = oci.image(image, suffix);
    const std::string layer = suffix.empty() ? image.layers[0] : gzip(image.layers[0]);
    const std::string manifest = R"([{"Config":"blobs/sha256/)"
                                 + std::string(image.config_digest().hex())
                                 + R"(","RepoTags":["a:1"],"Layers":["blobs/sha256/)"
                                 + std::string(digest_of(layer).hex()) + R"("]}])";
    return oci.archive(
        {root.json(annotation("io.containerd.image.name", "docker.io/library/a:1"))},
        {{"manifest.json", manifest}});
}

// Docker 25 with plain layers: built anew, compressed. containerd with gzip layers: as it is.
BOOST_AUTO_TEST_CASE(hybrid_archive_is_built_if_its_layers_are_plain) {
    const built_image image = make_image({make_layer(1)}, {});
    const auto plain = contents_of(both_sides(image, ""));
    const auto packed = contents_of(both_sides(image, "+gzip"));
    BOOST_TEST(!engine::push_verbatim(plain.images.at(0), with(compression::automatic)));
    BOOST_TEST(engine::push_verbatim(plain.images.at(0), with(compression::none)));
    BOOST_TEST(engine::push_verbatim(packed.images.at(0), with(compression::automatic)));
    BOOST_TEST(engine::push_verbatim(packed.images.at(0), with(compression::gzip)));
    BOOST_TEST(!engine::push_verbatim(packed.images.at(0), with(compression::zstd)));
    // the format alone is no reason to build
    auto format = with(compression::automatic);
    format.format = manifest_format::docker;
    BOOST_TEST(engine::push_verbatim(packed.images.at(0), format));
}

struct built_plan {
    archive_contents contents;
    push_options options;
    push_plan plan;
};

/// All images of a Docker archive, image i to h:1/i.
built_plan plan_of(const std::vector<built_image>& images, push_options options = {}) {
    built_plan made{contents_of(docker_archive(images)), std::move(options), {}};
    plan_builder builder(made.contents, made.options);
    for (std::size_t i = 0; i < made.contents.images.size(); ++i)
        builder.add_built(target(i, std::to_string(i)), *made.contents.images[i].layered).value();
    made.plan = builder.finish();
    return made;
}

// Config first, then the layers in order, whatever the order of work is.
BOOST_AUTO_TEST_CASE(image_refers_to_its_blobs_in_order) {
    const built_image image =
        make_image({make_layer(1, 1000), make_layer(2, 9000), make_layer(3, 5000)}, {"a:1"});
    const auto made = plan_of({image});
    const push_plan& plan = made.plan;
    BOOST_REQUIRE(plan.images.size() == 1u);
    const auto& job = plan.images[0];
    BOOST_REQUIRE(job.blobs.size() == 4u);
    BOOST_TEST(plan.blobs[job.blobs[0].value()].known.value() == image.config_digest());
    BOOST_TEST(plan.blobs[job.blobs[0].value()].bytes.value() == image.config);
    for (std::size_t i = 0; i < 3; ++i)
        BOOST_TEST(plan.blobs[job.blobs[i + 1].value()].diff_id.value() == image.diff_id(i));
    for (std::size_t i = 1; i < plan.blobs.size(); ++i)
        BOOST_TEST(plan.blobs[i - 1].stored_bytes >= plan.blobs[i].stored_bytes);
}

// A layer of two images in two repositories is one blob with two places; twice in one image, too.
BOOST_AUTO_TEST_CASE(shared_layer_is_one_blob) {
    const auto made = plan_of(
        {make_image({make_layer(1), make_layer(2), make_layer(2)}, {"a:1"}),
         make_image({make_layer(1), make_layer(3)}, {"b:1"})});
    const push_plan& plan = made.plan;
    BOOST_TEST(plan.blobs.size() == 5u); // three layers, two configs
    BOOST_TEST(plan.repositories.size() == 2u);
    const std::size_t shared = plan.images[0].blobs[1].value();
    BOOST_TEST(shared == plan.images[1].blobs[1].value());
    BOOST_TEST(plan.blobs[shared].repositories.size() == 2u);
    BOOST_TEST(plan.images[0].blobs[2].value() == plan.images[0].blobs[3].value());
    BOOST_TEST(plan.blobs[plan.images[0].blobs[2].value()].repositories.size() == 1u);
}

// What a registry can be asked before anything is read, and what the bytes must be.
BOOST_AUTO_TEST_CASE(known_digests_are_those_of_what_is_pushed) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    const auto packed = plan_of({image});
    const auto& to_gzip = packed.plan.blobs[packed.plan.images[0].blobs[1].value()];
    BOOST_TEST(!to_gzip.known.has_value());
    BOOST_TEST(to_gzip.treatment.encode);
    BOOST_TEST(to_gzip.diff_id.value() == image.diff_id(0));
    const auto plain = plan_of({image}, with(compression::none));
    const auto& as_it_is = plain.plan.blobs[plain.plan.images[0].blobs[1].value()];
    BOOST_TEST(as_it_is.known.value() == image.diff_id(0));
    BOOST_TEST(as_it_is.is_promised());
}

// A compressed layer's name often is its digest: enough to ask, not to believe.
BOOST_AUTO_TEST_CASE(digest_in_a_name_is_a_suggestion) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    const std::string hex(digest_of(gzip(image.layers[0])).hex());
    const auto contents = contents_of(
        tar_builder()
            .file(hex + ".tar.gz", gzip(image.layers[0]))
            .file("config.json", image.config)
            .file(
                "manifest.json", R"([{"Config":"config.json","RepoTags":["a:1"],"Layers":[")" + hex
                                     + R"(.tar.gz"]}])")
            .end()
            .str());
    const push_options options;
    plan_builder builder(contents, options);
    builder.add_built(target(0, "a"), contents.images.at(0).layered.value()).value();
    const push_plan plan = builder.finish();
    const auto& layer = plan.blobs[plan.images[0].blobs[1].value()];
    BOOST_TEST(layer.known.value().hex() == hex);
    BOOST_TEST(layer.suggested);
    BOOST_TEST(!layer.is_promised());
}

// Byte for byte: every blob of the tree and of its referrers, and the descriptors' sizes.
BOOST_AUTO_TEST_CASE(verbatim_image_waits_for_all_its_blobs) {
    oci_builder oci;
    const built_image image = make_image({make_layer(1), make_layer(2)}, {});
    const blob root = oci.image(image);
    const blob signature = oci.image(
        oci.add(media_type::oci_empty, "{}"), {oci.add("application/x-signature", "signed")},
        R"("subject":)" + root.json());
    const auto contents = contents_of(oci.archive({root.json(), signature.json()}));
    BOOST_REQUIRE(contents.images.size() == 1u);
    BOOST_REQUIRE(contents.images[0].referrers.size() == 1u);
    const push_options options;
    plan_builder builder(contents, options);
    builder.add_verbatim(
        target(0, "a"), engine::select_tree(contents, root.descriptor(), {}).value(),
        {engine::select_tree(contents, signature.descriptor(), {}).value()});
    const push_plan plan = builder.finish();
    BOOST_TEST(plan.blobs.size() == 5u);
    BOOST_TEST(plan.images[0].blobs.size() == 5u);
    BOOST_TEST((plan.images[0].built == nullptr));
    for (const auto& one : plan.blobs) {
        BOOST_TEST(one.is_promised());
        BOOST_TEST(one.has_content());
    }
}

// One image under names in two repositories: blobs once, two jobs.
BOOST_AUTO_TEST_CASE(image_for_two_repositories_is_two_jobs) {
    const auto contents = contents_of(docker_archive({make_image({make_layer(1)}, {"a:1"})}));
    const push_options options;
    plan_builder builder(contents, options);
    builder.add_built(target(0, "x", {"1", "2"}), *contents.images[0].layered).value();
    builder.add_built(target(0, "y", {}), *contents.images[0].layered).value();
    const push_plan plan = builder.finish();
    BOOST_TEST(plan.images.size() == 2u);
    BOOST_TEST(plan.blobs.size() == 2u);
    for (const auto& one : plan.blobs)
        BOOST_TEST(one.repositories.size() == 2u);
    BOOST_TEST(plan.images[0].label == "h:1/x:1");
    BOOST_TEST(plan.images[1].label == "h:1/y");
}

BOOST_AUTO_TEST_SUITE_END()
