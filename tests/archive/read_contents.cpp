#include "archive/archive_file.hpp"
#include "archive/contents.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "support/image_builder.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_read_contents)

using namespace tarpon;
using namespace tarpon::test;
using archive::archive_contents;
using archive::archive_image;
namespace mt = tarpon::media_type;

result<archive_contents> read(const std::string& tar) {
    const temp_dir dir;
    return archive::archive_file::open(dir.write("a.tar", tar)).value().index();
}

std::string names_of(const archive_image& image) {
    std::string out;
    for (const auto& name : image.names)
        out += (out.empty() ? "" : " ") + (name.path.empty() ? "~" + name.tag : name.str());
    return out;
}

errc trouble_of(const result<archive_contents>& contents) {
    return contents.value().images.at(0).trouble.value().code;
}

std::string named(std::string_view key, std::string_view value, const blob& root) {
    return root.json(annotation(key, value));
}

const std::string containerd_name = "io.containerd.image.name";
const std::string ref_name = "org.opencontainers.image.ref.name";

BOOST_AUTO_TEST_CASE(docker_archive_with_several_images) {
    const auto contents = read(docker_archive(
                                   {make_image({make_layer(1), make_layer(2)}, {"a:1", "a:2"}),
                                    make_image({make_layer(1)}, {})}))
                              .value();
    BOOST_REQUIRE(contents.images.size() == 2u);
    BOOST_TEST(names_of(contents.images[0]) == "a:1 a:2");
    BOOST_TEST(names_of(contents.images[1]).empty());
    BOOST_TEST(contents.images[0].layered->has_plain_layer());
    BOOST_TEST(contents.images[1].label(1) == "image 2");
}

// jib: config.json without hex; rules_oci: plain layers named .tar.gz; crane: "sha256:<hex>".
BOOST_AUTO_TEST_CASE(encoding_is_told_by_bytes_not_names) {
    const built_image image = make_image({make_layer(1), make_layer(2), make_layer(3)}, {"a:1"});
    const std::string manifest =
        R"([{"Config":"config.json","RepoTags":["a:1"],"Layers":["1.tar.gz","2.tar","3.tar.gz"]}])";
    const auto contents = read(tar_builder()
                                   .file("1.tar.gz", image.layers[0])
                                   .file("2.tar", gzip(image.layers[1]))
                                   .file("3.tar.gz", zstd(image.layers[2]))
                                   .file("config.json", image.config)
                                   .file("manifest.json", manifest)
                                   .end()
                                   .str())
                              .value();
    const auto& layers = contents.images.at(0).layered.value().layers;
    BOOST_CHECK(layers.at(0).stored == archive::encoding::tar);
    BOOST_CHECK(layers.at(1).stored == archive::encoding::gzip);
    BOOST_CHECK(layers.at(2).stored == archive::encoding::zstd);
}

// A folder that was unpacked and packed again with tar -c . and hard links.
BOOST_AUTO_TEST_CASE(repacked_archive_with_dots_and_links) {
    const built_image image = make_image({make_layer(1), make_layer(2), make_layer(1)}, {"a:1"});
    const std::string config(image.config_digest().hex());
    const auto contents =
        read(
            tar_builder(tar_builder::flavour::gnu)
                .directory("./")
                .file(
                    "./manifest.json",
                    R"([{"Config":")" + config
                        + R"(.json","RepoTags":["a:1"],"Layers":["x\\layer.tar","y/layer.tar","z/layer.tar"]}])")
                .symlink("./z/layer.tar", "../x/layer.tar")
                .file("./x/layer.tar", image.layers[0])
                .file("./w", image.layers[1])
                .hard_link("./y/layer.tar", "./w")
                .file("./" + config + ".json", image.config)
                .end()
                .str())
            .value();
    BOOST_REQUIRE(!contents.images.at(0).trouble.has_value());
    const auto& layers = contents.images.at(0).layered.value().layers;
    BOOST_CHECK(layers[0].entry == layers[2].entry);
    BOOST_TEST(contents.entries.at(*layers[1].entry).name == "w");
}

BOOST_AUTO_TEST_CASE(names_in_index_json_as_producers_write_them) {
    oci_builder oci;
    const blob image = oci.image(make_image({make_layer(1)}, {}));
    const auto names = [&](std::vector<std::string> roots) {
        return names_of(read(oci.archive(roots)).value().images.at(0));
    };
    BOOST_TEST(names({image.json()}) == "");
    BOOST_TEST(names({named(ref_name, "1.0", image)}) == "~1.0");
    BOOST_TEST(names({named(ref_name, "host.x/team/app:1.0", image)}) == "host.x/team/app:1.0");
    BOOST_TEST(names({named(containerd_name, "docker.io/library/app:1", image)}) == "app:1");
    // one descriptor a name, same digest: one image
    BOOST_TEST(
        names({named(containerd_name, "a.b/x:1", image), named(containerd_name, "a.b/x:2", image)})
        == "a.b/x:1 a.b/x:2");
    // not a name at all: a warning, not an error
    const auto odd = read(oci.archive({named(ref_name, "not a name", image)})).value();
    BOOST_TEST(odd.images.at(0).names.empty());
    BOOST_TEST(odd.warnings.size() == 1u);
}

// docker 25+: index.json and manifest.json describe the same images.
BOOST_AUTO_TEST_CASE(hybrid_is_one_image_with_both_sides) {
    const built_image image = make_image({make_layer(1), make_layer(2)}, {"fixture/app:1"});
    oci_builder oci;
    const blob manifest = oci.image(image, "");
    oci.add("x/y", R"({"id":"an unreferenced v1 config"})");
    const std::string item =
        R"([{"Config":"blobs/sha256/)" + std::string(image.config_digest().hex())
        + R"(","RepoTags":["fixture/app:1","fixture/app:more"],"Layers":["blobs/sha256/)"
        + std::string(image.diff_id(0).hex()) + R"(","blobs/sha256/)"
        + std::string(image.diff_id(1).hex()) + R"("]}])";
    const auto contents = read(oci.archive(
                                   {named(containerd_name, "docker.io/fixture/app:1", manifest)},
                                   {{"manifest.json", item}}))
                              .value();
    BOOST_REQUIRE(contents.images.size() == 1u);
    BOOST_TEST(names_of(contents.images[0]) == "fixture/app:1 fixture/app:more");
    BOOST_TEST(contents.images[0].root.has_value());
    BOOST_TEST(contents.images[0].layered.has_value());
    BOOST_TEST(contents.has_docker_manifest);
}

// Docker 25.0.0 wrote the layers of the OCI manifest in random order; manifest.json has them right.
BOOST_AUTO_TEST_CASE(hybrid_with_wrong_layer_order_uses_manifest_json) {
    const built_image image = make_image({make_layer(1), make_layer(2)}, {"a:1"});
    oci_builder oci;
    const blob config = oci.add(mt::oci_config, image.config);
    const blob one = oci.add(mt::oci_layer, image.layers[0]);
    const blob two = oci.add(mt::oci_layer, image.layers[1]);
    const std::string item =
        R"([{"Config":"blobs/sha256/)" + std::string(image.config_digest().hex())
        + R"(","RepoTags":["a:1"],"Layers":["blobs/sha256/)" + std::string(image.diff_id(0).hex())
        + R"(","blobs/sha256/)" + std::string(image.diff_id(1).hex()) + R"("]}])";
    for (const blob& broken : {oci.image(config, {two, one}), oci.image(config, {})}) {
        const auto with_item =
            read(oci.archive({named(ref_name, "1", broken)}, {{"manifest.json", item}})).value();
        BOOST_REQUIRE(with_item.images.size() == 1u);
        BOOST_TEST(!with_item.images[0].trouble.has_value());
        BOOST_TEST(!with_item.images[0].root.has_value());
        BOOST_TEST(with_item.images[0].layered.has_value());
        BOOST_TEST(!with_item.warnings.empty());
        const auto alone = read(oci.archive({named(ref_name, "1", broken)}));
        BOOST_TEST((trouble_of(alone) == errc::archive_metadata));
    }
}

// Docker 25.0.0 to 25.0.2 left untagged images out of index.json.
BOOST_AUTO_TEST_CASE(item_without_root_is_an_image_of_its_own) {
    const built_image tagged = make_image({make_layer(1)}, {"a:1"}),
                      untagged = make_image({make_layer(2)}, {});
    oci_builder oci;
    const blob manifest = oci.image(tagged, "");
    oci.add("x/y", untagged.config);
    oci.add("x/y", untagged.layers[0]);
    const std::string item = R"([{"Config":"blobs/sha256/)"
                             + std::string(untagged.config_digest().hex())
                             + R"(","RepoTags":null,"Layers":["blobs/sha256/)"
                             + std::string(untagged.diff_id(0).hex()) + R"("]}])";
    const auto contents = read(oci.archive(
                                   {named(containerd_name, "docker.io/library/a:1", manifest)},
                                   {{"manifest.json", item}}))
                              .value();
    BOOST_REQUIRE(contents.images.size() == 2u);
    BOOST_TEST(names_of(contents.images[0]) == "a:1");
    BOOST_TEST(names_of(contents.images[1]).empty());
}

BOOST_AUTO_TEST_CASE(nested_index_with_attestation_and_absent_platform) {
    oci_builder oci;
    const blob amd = oci.image(make_image({make_layer(1)}, {}));
    const blob attestation = oci.image(
        oci.add(
            mt::oci_config,
            R"({"architecture":"unknown","os":"unknown","rootfs":{"type":"layers","diff_ids":[")"
                + digest_of(R"({"_type":1})").str() + R"("]}})"),
        {oci.add("application/vnd.in-toto+json", R"({"_type":1})")});
    const blob arm{std::string(mt::oci_manifest), "{}"};
    const blob inner = oci.index({amd.json(), attestation.json(), arm.json()});
    const blob outer = oci.index({inner.json()});
    const auto contents = read(oci.archive({named(ref_name, "a:1", outer)})).value();
    BOOST_REQUIRE(contents.images.size() == 1u);
    BOOST_TEST(!contents.images[0].trouble.has_value());
    BOOST_TEST(contents.manifests.size() == 4u);
    BOOST_TEST(!contents.find_manifest(arm.descriptor().digest));
}

// A signature, and a signature of the signature, go with the image; a stray one is on its own.
BOOST_AUTO_TEST_CASE(referrers_and_their_referrers) {
    oci_builder oci;
    const blob image = oci.image(make_image({make_layer(1)}, {}));
    const blob empty = oci.add(mt::oci_empty, "{}");
    const blob signature =
        oci.image(empty, {empty}, R"("artifactType":"a/sig","subject":)" + image.json());
    const blob second =
        oci.image(empty, {empty}, R"("artifactType":"a/sig2","subject":)" + signature.json());
    const blob stray = oci.image(
        empty, {empty}, R"("artifactType":"a/sig","subject":)" + blob{"a/b", "elsewhere"}.json());
    const auto contents =
        read(oci.archive(
                 {second.json(), named(ref_name, "x:1", image), stray.json(), signature.json()}))
            .value();
    BOOST_REQUIRE(contents.images.size() == 2u);
    BOOST_TEST(names_of(contents.images[0]) == "x:1");
    BOOST_TEST(contents.images[0].referrers.size() == 2u);
    BOOST_TEST(contents.images[1].referrers.empty());
}

// zot #4318: shared indexes on every level must not be walked once for every path.
BOOST_AUTO_TEST_CASE(diamond_of_indexes_is_linear_and_depth_limited) {
    oci_builder oci;
    blob at = oci.image(make_image({make_layer(1)}, {}));
    for (int level = 0; level < 7; ++level)
        at = oci.index(
            {at.json(), at.json(R"("annotations":{"twice":"1"})"),
             at.json(R"("annotations":{"x":"2"})")},
            R"("annotations":{"level":")" + std::to_string(level) + R"("})");
    const auto shallow = read(oci.archive({named(ref_name, "a:1", at)})).value();
    BOOST_TEST(!shallow.images.at(0).trouble.has_value());
    BOOST_TEST(shallow.manifests.size() == 8u);
    at = oci.index({at.json()});
    BOOST_TEST(
        (trouble_of(read(oci.archive({named(ref_name, "a:1", at)}))) == errc::archive_limit));
}

BOOST_AUTO_TEST_CASE(wrong_content_behind_a_digest_is_noticed) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    oci_builder oci;
    const blob manifest = oci.image(image);
    std::string tar = oci.archive({named(ref_name, "a:1", manifest)});
    const std::size_t at = tar.find("\"schemaVersion\":2,\"mediaType\"");
    tar[at + 16] = '3';
    BOOST_TEST((trouble_of(read(tar)) == errc::digest_mismatch));
    std::string docker = docker_archive({image});
    docker.replace(docker.find("/bin/true"), 9, "/bin/evil");
    BOOST_TEST((trouble_of(read(docker)) == errc::digest_mismatch));
}

BOOST_AUTO_TEST_CASE(trouble_stays_with_its_image) {
    built_image broken = make_image({make_layer(1), make_layer(2)}, {"broken:1"});
    broken.layers.pop_back(); // one layer fewer than diff_ids
    const auto contents =
        read(docker_archive({broken, make_image({make_layer(3)}, {"whole:1"})})).value();
    BOOST_TEST(contents.images.at(0).trouble.has_value());
    BOOST_TEST(!contents.images.at(1).trouble.has_value());
}

BOOST_AUTO_TEST_CASE(missing_pieces_are_named) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    const auto with = [&](std::string_view config, std::string_view layer,
                          std::string_view content) {
        return read(tar_builder()
                        .file("c.json", content)
                        .file("layer.tar", image.layers[0])
                        .file("empty.tar", "")
                        .file("text.tar", "hello")
                        .file(
                            "manifest.json", R"([{"Config":")" + std::string(config)
                                                 + R"(","RepoTags":["a:1"],"Layers":[")"
                                                 + std::string(layer) + R"("]}])")
                        .end()
                        .str());
    };
    BOOST_TEST(!with("c.json", "layer.tar", image.config).value().images.at(0).trouble.has_value());
    BOOST_TEST(
        (trouble_of(with("absent.json", "layer.tar", image.config)) == errc::archive_blob_missing));
    BOOST_TEST(
        (trouble_of(with("c.json", "absent.tar", image.config)) == errc::archive_blob_missing));
    BOOST_TEST(
        (trouble_of(with("c.json", "../../etc/passwd", image.config))
         == errc::archive_blob_missing));
    BOOST_TEST((trouble_of(with("c.json", "empty.tar", image.config)) == errc::archive_damaged));
    BOOST_TEST((trouble_of(with("c.json", "text.tar", image.config)) == errc::archive_damaged));
    BOOST_TEST((trouble_of(with("c.json", "layer.tar", "not JSON")) == errc::archive_metadata));
}

BOOST_AUTO_TEST_CASE(bad_repo_tag_is_an_error_not_a_silent_loss) {
    BOOST_TEST(
        (trouble_of(read(docker_archive({make_image({make_layer(1)}, {"Bad/Name:1"})})))
         == errc::archive_metadata));
    BOOST_TEST(read(docker_archive({make_image({make_layer(1)}, {"<none>:<none>"})}))
                   .value()
                   .images.at(0)
                   .names.empty());
}

BOOST_AUTO_TEST_CASE(duplicate_entries_must_be_equal) {
    const built_image image = make_image({make_layer(1)}, {"a:1"});
    const auto twice = [&](const std::string& second) {
        return read(tar_builder()
                        .file("c.json", image.config)
                        .file("l.tar", image.layers[0])
                        .file("l.tar", second)
                        .file(
                            "manifest.json",
                            R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}])")
                        .end()
                        .str());
    };
    BOOST_TEST(!twice(image.layers[0]).value().images.at(0).trouble.has_value());
    BOOST_TEST((trouble_of(twice(make_layer(2))) == errc::archive_damaged));
}

BOOST_AUTO_TEST_CASE(image_without_layers_is_legal) {
    const auto contents = read(docker_archive({make_image({}, {"scratch:1"})})).value();
    BOOST_TEST(!contents.images.at(0).trouble.has_value());
    BOOST_TEST(contents.images.at(0).layered->layers.empty());
}

BOOST_AUTO_TEST_SUITE_END()
