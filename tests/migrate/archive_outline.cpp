// What is held of an archive that waits: references, blobs by what they are, and where a target
// puts them.
#include "migrate/archive_outline.hpp"

#include "archive/archive_file.hpp"
#include "migrate/blob_catalog.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_archive_outline)

using namespace tarpon;
using namespace tarpon::migration;
using namespace tarpon::test;

archive_outline
outline(const std::string& bytes, const push_options& options = {}, const std::string& name = "a") {
    const temp_dir dir;
    const auto file = archive::archive_file::open(dir.write("a.tar", bytes)).value();
    const archive::archive_contents contents = file.index().value();
    destination where;
    where.registry = "r.example/p";
    return outline_of(name, contents, engine::find_targets(contents, where).value(), options);
}

BOOST_AUTO_TEST_CASE(a_docker_archive) {
    const built_image one = make_image({make_layer(1), make_layer(2)}, {"app:1", "app:2"});
    const built_image two = make_image({make_layer(1), make_layer(3)}, {"other:1"});
    const archive_outline found = outline(docker_archive({one, two}));
    BOOST_REQUIRE(found.images.size() == 2u);
    BOOST_TEST(found.images[0].references.size() == 2u);
    BOOST_TEST(found.images[0].references[1] == "r.example/p/app:2");
    BOOST_TEST(found.images[0].identity == concat("config ", one.config_digest().str()));
    BOOST_TEST(found.references() == 3u);
    BOOST_TEST(found.blobs.size() == 5u); // two configs, and three layers
    std::size_t base = 0;
    for (const blob_outline& blob : found.blobs)
        base += blob.identity == concat(one.diff_id(0).str(), " as gzip");
    BOOST_TEST(base == 1u);
    BOOST_TEST(found.bytes_to_read() == 3 * make_layer(1).size());
    BOOST_TEST(found.bytes() == found.bytes_to_read() + one.config.size() + two.config.size());
}

BOOST_AUTO_TEST_CASE(options_make_other_blobs) {
    push_options none;
    none.layers = compression::none;
    const std::string bytes = docker_archive({make_image({make_layer(1)}, {"app:1"})});
    // Largest first; a config is smaller.
    BOOST_TEST(
        outline(bytes, none).blobs[0].identity == make_image({make_layer(1)}, {}).diff_id(0).str());
    BOOST_TEST(outline(bytes).blobs[0].identity != outline(bytes, none).blobs[0].identity);
}

BOOST_AUTO_TEST_CASE(an_oci_archive) {
    oci_builder oci;
    const blob root = oci.image(make_image({make_layer(1)}, {}));
    const archive_outline found =
        outline(oci.archive({root.json(annotation("io.containerd.image.name", "r/app:1"))}));
    BOOST_REQUIRE(found.images.size() == 1u);
    BOOST_TEST(found.images[0].identity == root.descriptor().digest.str());
    BOOST_TEST(found.blobs.size() == 2u);
    BOOST_TEST(found.bytes() == found.bytes_to_read()); // its config is a blob of the archive
}

BOOST_AUTO_TEST_CASE(an_image_without_a_name_is_counted) {
    const archive_outline found = outline(docker_archive({make_image({make_layer(1)}, {})}));
    BOOST_TEST(found.images.empty());
    BOOST_TEST(found.unplaced == 1u);
    BOOST_TEST(found.references() == 1u);
}

BOOST_AUTO_TEST_CASE(a_platform_that_is_not_there_is_found_out_later) {
    push_options options;
    options.platforms = {"plan9/mips"};
    oci_builder oci;
    const blob root = oci.image(make_image({make_layer(1)}, {}));
    const std::string child = root.json(R"("platform":{"os":"linux","architecture":"amd64"})");
    const blob index = oci.index({child});
    const archive_outline found = outline(
        oci.archive({index.json(annotation("io.containerd.image.name", "r/app:1"))}), options);
    BOOST_REQUIRE(found.images.size() == 1u);
    BOOST_TEST(found.images[0].identity.empty());
    BOOST_TEST(found.blobs.empty());
}

BOOST_AUTO_TEST_CASE(what_archives_share_is_counted) {
    blob_catalog catalog;
    archive_outline left, right;
    left.blobs = {{"base", 100, false}, {"a", 10, false}};
    right.blobs = {{"base", 100, false}, {"b", 1, true}};
    catalog.add(left);
    catalog.add(right);
    migrate_plan plan;
    catalog.write_to(plan);
    BOOST_TEST(plan.blobs == 3u);
    BOOST_TEST(plan.blob_bytes == 111u);
    BOOST_TEST(plan.shared_bytes == 100u);
    BOOST_TEST(plan.bytes_to_send == 111u);
}

// --- where a target puts an archive
// ----------------------------------------------------------------

destination common(const std::string& registry) {
    destination where;
    where.registry = registry;
    where.map = {{"^", "x/"}};
    return where;
}

BOOST_AUTO_TEST_CASE(without_a_target_names_decide) {
    const destination where = destination_of(common("http://r.example/p"), "");
    BOOST_TEST(where.registry == "http://r.example/p");
    BOOST_TEST(where.map.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_target_is_below_the_registry) {
    const destination where = destination_of(common("http://r.example/p/"), "team/app:1");
    BOOST_TEST(where.registry.empty());
    BOOST_TEST(where.map.empty());
    BOOST_REQUIRE(where.to.size() == 1u);
    BOOST_TEST(where.to[0] == "http://r.example/p/team/app:1");
}

BOOST_AUTO_TEST_CASE(a_target_that_is_no_name) {
    BOOST_CHECK_EXCEPTION(
        destination_of(common("r.example"), "Bad Name"), error,
        [](const error& e) { return e.code() == errc::usage; });
}

BOOST_AUTO_TEST_SUITE_END()
