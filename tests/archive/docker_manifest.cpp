#include "archive/docker_manifest.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_docker_manifest)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::archive;

const std::string d = "sha256:" + std::string(64, 'b');

BOOST_AUTO_TEST_CASE(items_are_read) {
    const auto items = parse_docker_manifest(
        R"([{"Config":"c.json","RepoTags":["a:1","a:2"],"Layers":["x/layer.tar"],"Parent":"sha256:00"},{"Config":"d","RepoTags":null,"Layers":null}])");
    BOOST_REQUIRE(items);
    BOOST_REQUIRE(items->size() == 2u);
    BOOST_TEST((*items)[0].repo_tags.size() == 2u);
    BOOST_TEST((*items)[0].layers.at(0) == "x/layer.tar");
    BOOST_TEST((*items)[1].layers.empty());
}

// Docker 25 lists every plain layer as a "source"; only foreign types with urls count.
BOOST_AUTO_TEST_CASE(only_foreign_sources_count) {
    const auto source = [&](const char* type, const char* urls) {
        const std::string text = R"([{"Config":"c","LayerSources":{")" + d + R"(":{"mediaType":")"
                                 + type + R"(","size":5,"digest":")" + d + "\"" + urls + "}}}]";
        return parse_docker_manifest(text).value().at(0).foreign_sources.size();
    };
    BOOST_TEST(source("application/vnd.oci.image.layer.v1.tar", "") == 0u);
    BOOST_TEST(source("application/vnd.oci.image.layer.v1.tar", R"(,"urls":["https://x"])") == 0u);
    BOOST_TEST(source("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "") == 0u);
    BOOST_TEST(
        source(
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", R"(,"urls":["https://x"])")
        == 1u);
}

const char* const bad[] = {
    "",
    "{}",
    "null",
    "[1]",
    "[{}]",
    R"([{"Config":""}])",
    R"([{"Config":1}])",
    R"([{"config":"c"}])",
    R"([{"Config":"c","Layers":"x"}])",
    R"([{"Config":"c","Layers":[1]}])",
    R"([{"Config":"c","RepoTags":{}}])",
    R"([{"Config":"c","LayerSources":{"x":{}}}])",
    R"([{"Config":"c","Config":"d"}])",
};

BOOST_DATA_TEST_CASE(bad_is_refused, bdata::make(bad), text) {
    BOOST_TEST(!parse_docker_manifest(text).has_value());
}

BOOST_AUTO_TEST_CASE(ten_thousand_layers_hit_the_limit) {
    std::string layers = "\"l\"";
    for (int i = 1; i < 10'000; ++i)
        layers += ",\"l\"";
    const auto items = parse_docker_manifest(R"([{"Config":"c","Layers":[)" + layers + "]}]");
    BOOST_REQUIRE(!items);
    BOOST_TEST((items.error().code == errc::archive_limit));
}

BOOST_AUTO_TEST_SUITE_END()
