#include "engine/image_tree.hpp"

#include "archive/archive_file.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_image_tree)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
using archive::archive_contents;
using engine::image_tree;
using engine::select_tree;
using engine::tree_choice;
namespace mt = tarpon::media_type;

/// An archive of one root, and that root.
struct rooted {
    archive_contents contents;
    descriptor root;

    result<image_tree> select(const tree_choice& choice = {}) const {
        return select_tree(contents, root, choice);
    }
};

rooted archive_of(const oci_builder& oci, const blob& root) {
    const temp_dir dir;
    const std::string tar = oci.archive({root.json()});
    return {
        archive::archive_file::open(dir.write("a.tar", tar)).value().index().value(),
        root.descriptor()};
}

std::string platform(std::string_view architecture, std::string_view variant = {}) {
    return concat(
        R"("platform":{"os":"linux","architecture":")", architecture, "\"",
        variant.empty() ? "" : concat(R"(,"variant":")", variant, "\""), "}");
}

built_image tiny(unsigned seed) {
    return make_image({make_layer(seed, 100), make_layer(1000, 100)}, {});
}

std::string manifests_of(const image_tree& tree) {
    std::string text;
    for (const auto& manifest : tree.manifests)
        text += concat(text.empty() ? "" : " ", manifest.self.digest.brief());
    return text;
}

std::string brief(const blob& one) {
    return std::string(one.descriptor().digest.brief());
}

/// Two platforms and an attestation of the first.
struct two_platforms {
    oci_builder oci;
    blob amd = oci.image(tiny(1));
    blob arm = oci.image(tiny(2));
    blob attestation = oci.image(
        oci.add(mt::oci_config, R"({"rootfs":{"diff_ids":[]}})"),
        {oci.add("application/vnd.in-toto+json", "{}")});
    std::string attestation_json = attestation.json(concat(
        platform("unknown"),
        ",",
        annotation("vnd.docker.reference.digest", amd.descriptor().digest.str())));
    blob index = oci.index(
        {amd.json(platform("amd64")), arm.json(platform("arm64", "v8")), attestation_json});
};

// Layers before the config, each blob once.
BOOST_AUTO_TEST_CASE(image_is_its_manifest_and_blobs) {
    oci_builder oci;
    const built_image image = make_image({make_layer(1), make_layer(2), make_layer(1)}, {});
    const blob root = oci.image(image);
    const auto tree = archive_of(oci, root).select().value();
    BOOST_TEST(manifests_of(tree) == brief(root));
    BOOST_TEST(tree.root().bytes == root.bytes);
    BOOST_REQUIRE(tree.blobs.size() == 3u);
    BOOST_TEST(tree.blobs[0].content.digest == digest_of(gzip(image.layers[0])));
    BOOST_TEST(tree.blobs[1].content.digest == digest_of(gzip(image.layers[1])));
    BOOST_TEST(tree.blobs[2].content.digest == image.config_digest());
    for (const auto& one : tree.blobs) {
        BOOST_TEST(one.in_archive());
        BOOST_TEST(one.owner == root.descriptor().digest);
    }
    BOOST_TEST(tree.absent.empty());
}

// Children before their index, the root last, shared blobs once.
BOOST_AUTO_TEST_CASE(index_comes_after_its_children) {
    const two_platforms made;
    const auto tree = archive_of(made.oci, made.index).select().value();
    BOOST_TEST(
        manifests_of(tree)
        == concat(
            brief(made.amd), " ", brief(made.arm), " ", brief(made.attestation), " ",
            brief(made.index)));
    BOOST_TEST(tree.root().bytes == made.index.bytes);
    BOOST_TEST(tree.blobs.size() == 7u); // 2 + 2 layers with one shared, 2 configs, attestation's 2
}

// An index of indexes in which everything is reached on 2^6 ways is walked once.
BOOST_AUTO_TEST_CASE(shared_children_are_visited_once) {
    oci_builder oci;
    blob at = oci.image(tiny(1));
    std::string names = brief(at);
    for (int level = 0; level < 6; ++level) {
        at = oci.index({at.json(), at.json()}, concat(R"("annotations":{"level":")", level, "\"}"));
        names += " " + brief(at);
    }
    BOOST_TEST(manifests_of(archive_of(oci, at).select().value()) == names);
}

// One platform of an index is that image itself, without an index around it.
BOOST_AUTO_TEST_CASE(one_platform_is_its_manifest) {
    const two_platforms made;
    const rooted all = archive_of(made.oci, made.index);
    BOOST_TEST(manifests_of(all.select({{"linux/arm64"}, {}}).value()) == brief(made.arm));
    BOOST_TEST(manifests_of(all.select({{"linux/arm64/v8"}, {}}).value()) == brief(made.arm));
    BOOST_TEST(manifests_of(all.select({{"linux/amd64"}, {}}).value()) == brief(made.amd));
    const oci_builder outer_oci = made.oci;
    oci_builder nested = outer_oci;
    const blob outer = nested.index({made.index.json()});
    BOOST_TEST(
        manifests_of(archive_of(nested, outer).select({{"linux/arm64"}, {}}).value())
        == brief(made.arm));
}

// Several platforms: an index of those, with their attestations and without the others'.
BOOST_AUTO_TEST_CASE(some_platforms_are_a_smaller_index) {
    two_platforms made;
    const blob third = made.oci.image(tiny(3));
    const blob index = made.oci.index(
        {made.amd.json(platform("amd64")), made.arm.json(platform("arm64")), made.attestation_json,
         third.json(platform("s390x"))});
    const auto tree =
        archive_of(made.oci, index).select({{"linux/amd64", "linux/s390x"}, {}}).value();
    const auto root =
        archive::parse_manifest(tree.root().bytes, tree.root().self.media_type).value();
    BOOST_TEST(tree.root().self.digest != index.descriptor().digest);
    BOOST_TEST(tree.root().self.digest == digest_of(tree.root().bytes));
    BOOST_REQUIRE(root.manifests.size() == 3u);
    BOOST_TEST(root.manifests[0].digest == made.amd.descriptor().digest);
    BOOST_TEST(root.manifests[1].digest == made.attestation.descriptor().digest);
    BOOST_TEST(root.manifests[2].digest == third.descriptor().digest);
    BOOST_TEST(tree.manifests.size() == 4u);
    for (const auto& one : tree.blobs)
        BOOST_TEST(one.owner != made.arm.descriptor().digest);
}

BOOST_AUTO_TEST_CASE(platform_that_is_not_there_is_an_error) {
    const two_platforms made;
    const auto none = archive_of(made.oci, made.index).select({{"linux/riscv64"}, {}});
    BOOST_REQUIRE(!none);
    BOOST_TEST(none.error().code == errc::archive_platform_missing);
    BOOST_TEST(none.error().message.find("linux/riscv64") != std::string::npos);
}

// What is dropped takes its attestations along; the rest is an index of its own.
BOOST_AUTO_TEST_CASE(dropped_child_leaves_a_smaller_index) {
    const two_platforms made;
    const rooted all = archive_of(made.oci, made.index);
    const auto without_amd = all.select({{}, {made.amd.descriptor().digest}}).value();
    BOOST_REQUIRE(without_amd.manifests.size() == 2u);
    BOOST_TEST(without_amd.manifests[0].self.digest == made.arm.descriptor().digest);
    const auto without_arm = all.select({{}, {made.arm.descriptor().digest}}).value();
    BOOST_TEST(without_arm.manifests.size() == 3u); // amd64, its attestation, the index
    const auto nothing =
        all.select({{}, {made.amd.descriptor().digest, made.arm.descriptor().digest}});
    BOOST_REQUIRE(!nothing);
    BOOST_TEST(nothing.error().code == errc::archive_platform_missing);
}

// What the archive lacks is listed, not forgotten: the registry may have it.
BOOST_AUTO_TEST_CASE(absent_child_is_listed) {
    two_platforms made;
    made.oci.forget(made.arm);
    const auto tree = archive_of(made.oci, made.index).select().value();
    BOOST_REQUIRE(tree.absent.size() == 1u);
    BOOST_TEST(tree.absent[0].self.digest == made.arm.descriptor().digest);
    BOOST_TEST(engine::describe_manifest(tree.absent[0].self) == "linux/arm64/v8");
    BOOST_TEST(tree.root().bytes == made.index.bytes);
}

BOOST_AUTO_TEST_CASE(absent_blob_is_listed_with_its_owner) {
    two_platforms made;
    const built_image arm = tiny(2);
    made.oci.forget({std::string(mt::oci_layer_gzip), gzip(arm.layers[0])});
    const auto tree = archive_of(made.oci, made.index).select().value();
    std::size_t absent = 0;
    for (const auto& one : tree.blobs)
        if (!one.in_archive()) {
            ++absent;
            BOOST_TEST(one.owner == made.arm.descriptor().digest);
            BOOST_TEST(one.content.digest == digest_of(gzip(arm.layers[0])));
        }
    BOOST_TEST(absent == 1u);
}

// Foreign layers stay with their owner, unless the archive has them.
BOOST_AUTO_TEST_CASE(foreign_layer_is_left_out_if_absent) {
    const std::string type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    for (const bool absent : {true, false}) {
        oci_builder oci;
        const blob foreign = oci.add(type, gzip(make_layer(1)));
        const blob config = oci.add(mt::oci_config, make_image({make_layer(1)}, {}).config);
        const blob root = oci.image(config, {foreign});
        if (absent)
            oci.forget(foreign);
        const auto tree = archive_of(oci, root).select().value();
        BOOST_TEST(tree.blobs.size() == (absent ? 1u : 2u));
    }
}

// Content inside a descriptor stands in for an entry.
BOOST_AUTO_TEST_CASE(inline_content_is_a_blob) {
    oci_builder oci;
    const blob empty{std::string(mt::oci_empty), "{}"};
    const blob root = oci.add(
        mt::oci_manifest, concat(
                              R"({"schemaVersion":2,"mediaType":")", mt::oci_manifest,
                              R"(","artifactType":"application/x","config":)",
                              empty.json(R"("data":"e30=")"), R"(,"layers":[]})"));
    const auto tree = archive_of(oci, root).select().value();
    BOOST_REQUIRE(tree.blobs.size() == 1u);
    BOOST_TEST(!tree.blobs[0].entry.has_value());
    BOOST_TEST(tree.blobs[0].inline_bytes.value() == "{}");
    BOOST_TEST(tree.blobs[0].in_archive());
}

BOOST_AUTO_TEST_CASE(platforms_match_with_and_without_variant) {
    const archive::platform v8{"linux", "arm64", "v8"};
    const archive::platform plain{"linux", "arm64", ""};
    BOOST_TEST(engine::platform_matches("linux/arm64", v8));
    BOOST_TEST(engine::platform_matches("linux/arm64/v8", v8));
    BOOST_TEST(!engine::platform_matches("linux/arm64/v7", v8));
    BOOST_TEST(!engine::platform_matches("linux/arm", v8));
    BOOST_TEST(!engine::platform_matches("arm64", v8));
    BOOST_TEST(engine::platform_matches("linux/arm64", plain));
    BOOST_TEST(!engine::platform_matches("linux/arm64/v8", plain));
}

BOOST_AUTO_TEST_SUITE_END()
