#include "archive/oci_document.hpp"

#include "model/media_type.hpp"
#include "support/image_builder.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_oci_document)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::archive;
namespace mt = tarpon::media_type;

const std::string d = "sha256:" + std::string(64, 'a');
const std::string layer = R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":")"
                          + d + R"(","size":5})";
const std::string config =
    R"({"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + d + R"(","size":7})";

std::string manifest(const std::string& members) {
    return R"({"schemaVersion":2,)" + members + "}";
}

BOOST_AUTO_TEST_CASE(image_manifest_is_read) {
    const auto parsed = parse_manifest(
        manifest(R"("config":)" + config + R"(,"layers":[)" + layer + R"(],"subject":)" + config),
        mt::oci_manifest);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(!parsed->is_index);
    BOOST_TEST(parsed->media_type == mt::oci_manifest);
    BOOST_TEST(parsed->layers.at(0).size == 5u);
    BOOST_TEST(parsed->config.size == 7u);
    BOOST_TEST(parsed->subject.has_value());
}

BOOST_AUTO_TEST_CASE(index_is_read) {
    const std::string child =
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + d
        + R"(","size":9,"platform":{"os":"linux","architecture":"arm64","variant":"v8"},)"
        + R"("annotations":{"k":"v"}})";
    const auto parsed = parse_manifest(manifest(R"("manifests":[)" + child + "]"), "");
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->is_index);
    BOOST_TEST(parsed->media_type == mt::oci_index);
    BOOST_TEST(parsed->manifests.at(0).platform->str() == "linux/arm64/v8");
    BOOST_TEST(parsed->manifests.at(0).annotations.at("k") == "v");
}

// CVE-2021-41190 and what else makes one body mean two things.
const std::string ambiguous[] = {
    manifest(R"("config":)" + config + R"(,"layers":[],"manifests":[])"),
    manifest(R"("config":)" + config + R"(,"layers":[],"layers":[)" + layer + "]"),
    manifest(R"("config":)" + config + R"(,"Layers":[)" + layer + "]"),
    manifest(
        R"("config":)" + config
        + R"(,"layers":[],"mediaType":"application/vnd.oci.image.index.v1+json")"),
    "\xef\xbb\xbf" + manifest(R"("config":)" + config),
    manifest(R"("config":)" + config) + " x",
    R"({"schemaVersion":1,"config":)" + config + "}",
    R"({"config":)" + config + "}",
    R"({"schemaVersion":"2","config":)" + config + "}",
    manifest(R"("layers":[])"),
    manifest(R"("config":null)"),
    "[]",
    "",
};

BOOST_DATA_TEST_CASE(ambiguous_is_refused, bdata::make(ambiguous), text) {
    BOOST_TEST(!parse_manifest(text, mt::oci_manifest).has_value());
}

const std::string bad_descriptors[] = {
    "{}",
    R"({"mediaType":"a/b","digest":"sha256:../..","size":1})",
    R"({"mediaType":"a/b","digest":")" + d + R"(","size":-1})",
    R"({"mediaType":"a/b","digest":")" + d + R"(","size":"5"})",
    R"({"mediaType":"a/b","digest":")" + d + R"("})",
    R"({"mediaType":"a/b\r\nX: y","digest":")" + d + R"(","size":1})",
    R"({"mediaType":"a/b","Digest":")" + d + R"(","digest":")" + d + R"(","size":1})",
    R"({"mediaType":"a/b","digest":")" + d + R"(","size":1,"data":"AA=="})",
    R"({"mediaType":"a/b","digest":")" + d + R"(","size":1,"annotations":{"a":1}})",
    R"("sha256")",
};

BOOST_DATA_TEST_CASE(bad_descriptor_is_refused, bdata::make(bad_descriptors), text) {
    BOOST_TEST(
        !parse_manifest(manifest(R"("config":)" + config + R"(,"layers":[)" + text + "]"), "")
             .has_value());
}

BOOST_AUTO_TEST_CASE(inline_data_is_checked_and_kept) {
    const std::string empty =
        R"({"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="})";
    const auto parsed = parse_manifest(manifest(R"("config":)" + empty), "");
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->config.data.value() == "{}");
}

BOOST_AUTO_TEST_CASE(schema_1_is_not_a_manifest_here) {
    BOOST_TEST(!parse_manifest(
                    manifest(R"("config":)" + config),
                    "application/vnd.docker.distribution.manifest.v1+json")
                    .has_value());
}

BOOST_AUTO_TEST_CASE(too_many_layers_hit_the_limit) {
    std::string layers = layer;
    for (int i = 1; i < 10'000; ++i)
        layers += "," + layer;
    const auto parsed =
        parse_manifest(manifest(R"("config":)" + config + R"(,"layers":[)" + layers + "]"), "");
    BOOST_REQUIRE(!parsed);
    BOOST_TEST((parsed.error().code == errc::archive_limit));
}

BOOST_AUTO_TEST_CASE(image_config_is_read) {
    const auto image = test::make_image({"layer"}, {});
    const auto parsed = parse_image_config(image.config);
    BOOST_REQUIRE(parsed);
    BOOST_TEST(parsed->diff_ids.at(0) == image.diff_id(0));
    BOOST_TEST(parsed->platform.str() == "linux/amd64");
}

const char* const bad_configs[] = {
    "",
    "x",
    "[]",
    "{}",
    R"({"rootfs":null})",
    R"({"rootfs":{"diff_ids":"x"}})",
    R"({"rootfs":{"diff_ids":["x"]}})",
    R"({"rootfs":{"diff_ids":[1]}})",
    R"({"os":1,"rootfs":{}})",
};

BOOST_DATA_TEST_CASE(bad_config_is_refused, bdata::make(bad_configs), text) {
    BOOST_TEST(!parse_image_config(text).has_value());
}

// Content of one kind under the type of the other, with no mediaType in the body to object.
BOOST_AUTO_TEST_CASE(kind_is_type_and_content) {
    const std::string image = manifest(R"("config":)" + config + R"(,"layers":[)" + layer + "]");
    BOOST_TEST(parse_manifest(image, mt::oci_manifest).has_value());
    BOOST_TEST(!parse_manifest(image, mt::oci_index).has_value());
    BOOST_TEST(!parse_manifest(manifest(R"("layers":[])"), mt::oci_index).has_value());
    const std::string index = manifest(R"("manifests":[])");
    BOOST_TEST(parse_manifest(index, mt::oci_index).has_value());
    BOOST_TEST(!parse_manifest(index, mt::oci_manifest).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
