#include "registry/manifest_builder.hpp"

#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_manifest_builder)

using namespace tarpon;
using namespace tarpon::test;
using registry::build_manifest;
using registry::layer_form;
using registry::layer_media_type;
using registry::rewrite_index;
namespace mt = tarpon::media_type;

descriptor described(std::string_view type, std::string_view bytes) {
    return {std::string(type), digest_of(bytes), bytes.size()};
}

archive::manifest_document parsed(const blob& manifest) {
    return archive::parse_manifest(manifest.bytes, manifest.media_type).value();
}

// registry-protocol 7: what each form is called in each format.
BOOST_AUTO_TEST_CASE(layer_types_of_both_formats) {
    const auto oci = manifest_format::oci;
    const auto docker = manifest_format::docker;
    BOOST_TEST(layer_media_type(layer_form::plain, oci) == mt::oci_layer);
    BOOST_TEST(layer_media_type(layer_form::gzip, oci) == mt::oci_layer_gzip);
    BOOST_TEST(layer_media_type(layer_form::zstd, oci) == mt::oci_layer_zstd);
    BOOST_TEST(layer_media_type(layer_form::plain, docker) == mt::docker_layer);
    BOOST_TEST(layer_media_type(layer_form::gzip, docker) == mt::docker_layer_gzip);
    BOOST_TEST(
        layer_media_type(layer_form::gzip, manifest_format::automatic) == mt::oci_layer_gzip);
}

// A manifest has its type inside (ECR and others insist), and reads back as what went in.
BOOST_AUTO_TEST_CASE(built_manifest_reads_back) {
    for (const auto format : {manifest_format::oci, manifest_format::docker}) {
        const bool docker = format == manifest_format::docker;
        const descriptor config = described(docker ? mt::docker_config : mt::oci_config, "config");
        const std::string type(layer_media_type(layer_form::gzip, format));
        const std::vector<descriptor> layers{described(type, "a"), described(type, "bb")};
        const auto built = build_manifest(format, config, layers);
        BOOST_TEST(built.self.media_type == (docker ? mt::docker_manifest : mt::oci_manifest));
        BOOST_TEST(built.self.digest == digest_of(built.bytes));
        BOOST_TEST(built.self.size == built.bytes.size());
        const auto read = archive::parse_manifest(built.bytes, built.self.media_type).value();
        BOOST_TEST(!read.is_index);
        BOOST_TEST(read.media_type == built.self.media_type);
        BOOST_TEST((static_cast<const descriptor&>(read.config) == config));
        BOOST_REQUIRE(read.layers.size() == 2u);
        BOOST_TEST((static_cast<const descriptor&>(read.layers[0]) == layers[0]));
        BOOST_TEST((static_cast<const descriptor&>(read.layers[1]) == layers[1]));
    }
}

// The same image is the same manifest, byte for byte, today and in the next version: this is what
// makes a second push a push of nothing.
BOOST_AUTO_TEST_CASE(bytes_of_a_manifest_are_fixed) {
    const auto built = build_manifest(
        manifest_format::oci, described(mt::oci_config, "{}"),
        {described(mt::oci_layer_gzip, "layer")});
    BOOST_TEST(
        built.bytes
        == R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
           R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json",)"
           R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",)"
           R"("size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",)"
               + concat(R"("digest":")", digest_of("layer").str(), R"(","size":5}]})"));
    const auto empty = build_manifest(manifest_format::oci, described(mt::oci_config, "{}"), {});
    BOOST_TEST(empty.bytes.ends_with(R"("layers":[]})"));
}

// Nothing dropped, nothing changed: the children's descriptors stay whole, with members unknown.
BOOST_AUTO_TEST_CASE(rewritten_index_keeps_everything_else) {
    oci_builder oci;
    const blob one = oci.image(make_image({make_layer(1)}, {}));
    const blob two = oci.image(make_image({make_layer(2)}, {}));
    const std::string platform = R"("platform":{"os":"linux","architecture":"arm64"},"x-new":[1])";
    const blob index = oci.index(
        {one.json(platform), two.json()}, R"("annotations":{"a":"b"},"x-more":{"y":null})");
    const descriptor other = described(mt::oci_manifest, "other");
    const auto swap = [&](const archive::oci_descriptor& child) -> std::optional<descriptor> {
        return child.digest == one.descriptor().digest ? other : child;
    };
    const auto built = rewrite_index(parsed(index), swap);
    BOOST_TEST(built.self.digest == digest_of(built.bytes));
    BOOST_TEST(built.self.media_type == mt::oci_index);
    const auto read = archive::parse_manifest(built.bytes, mt::oci_index).value();
    BOOST_REQUIRE(read.manifests.size() == 2u);
    BOOST_TEST(read.manifests[0].digest == other.digest);
    BOOST_TEST(read.manifests[0].size == other.size);
    BOOST_TEST(read.manifests[0].platform->str() == "linux/arm64");
    BOOST_TEST(read.manifests[1].digest == two.descriptor().digest);
    BOOST_TEST(built.bytes.find(R"("x-new":[1])") != std::string::npos);
    BOOST_TEST(built.bytes.find(R"("annotations":{"a":"b"})") != std::string::npos);
    BOOST_TEST(built.bytes.find(R"("x-more":{"y":null})") != std::string::npos);
}

// A child without a descriptor goes; the order of the others stays.
BOOST_AUTO_TEST_CASE(rewritten_index_drops_children) {
    oci_builder oci;
    std::vector<std::string> children;
    for (unsigned seed = 1; seed <= 4; ++seed)
        children.push_back(oci.image(make_image({make_layer(seed)}, {})).json());
    const auto index = parsed(oci.index(children));
    const digest gone = index.manifests[1].digest;
    const auto drop = [&](const archive::oci_descriptor& child) -> std::optional<descriptor> {
        return child.digest == gone ? std::nullopt : std::optional<descriptor>(child);
    };
    const auto built = rewrite_index(index, drop);
    const auto read = archive::parse_manifest(built.bytes, mt::oci_index).value();
    BOOST_REQUIRE(read.manifests.size() == 3u);
    BOOST_TEST(read.manifests[0].digest == index.manifests[0].digest);
    BOOST_TEST(read.manifests[1].digest == index.manifests[2].digest);
    BOOST_TEST(read.manifests[2].digest == index.manifests[3].digest);
}

// A Docker manifest list stays one.
BOOST_AUTO_TEST_CASE(rewritten_manifest_list_keeps_its_type) {
    const std::string text = R"({"schemaVersion":2,"mediaType":")" + std::string(mt::docker_index)
                             + R"(","manifests":[]})";
    const auto index = archive::parse_manifest(text, mt::docker_index).value();
    const auto same = [](const archive::oci_descriptor& child) -> std::optional<descriptor> {
        return child;
    };
    const auto built = rewrite_index(index, same);
    BOOST_TEST(built.self.media_type == mt::docker_index);
    BOOST_TEST(archive::parse_manifest(built.bytes, mt::docker_index).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
