#include "server/route.hpp"

#include "support/printing.hpp"

#include <tarpon/limits.hpp>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_route)

using namespace tarpon;
using namespace tarpon::server;

const std::string hex(64, 'a');
const std::string id(32, '0');

bool is(std::string_view target, resource expected) {
    return find_route(target).resource == expected;
}

BOOST_AUTO_TEST_CASE(every_resource_found) {
    BOOST_TEST(is("/v2", resource::api));
    BOOST_TEST(is("/v2/", resource::api));
    BOOST_TEST(is("/v2/_catalog?n=3", resource::catalog));
    BOOST_TEST(is("/v2/a/tags/list", resource::tags));
    BOOST_TEST(is("/v2/a/blobs/uploads", resource::uploads));
    BOOST_TEST(is("/v2/a/blobs/uploads/", resource::uploads));
    const route blob = find_route("/v2/team/app/blobs/sha256:" + hex);
    BOOST_TEST((blob.resource == resource::blob));
    BOOST_TEST(blob.name == "team/app");
    BOOST_TEST(blob.digest.str() == "sha256:" + hex);
    const route upload = find_route("/v2/team/app/blobs/uploads/" + id + "?digest=sha256%3Aab");
    BOOST_TEST((upload.resource == resource::upload));
    BOOST_TEST(upload.reference == id);
    BOOST_REQUIRE(upload.query_value("digest"));
    BOOST_TEST(*upload.query_value("digest") == "sha256:ab");
    BOOST_TEST(!upload.query_value("mount"));
    const route tagged = find_route("/v2/team/app/manifests/1.0");
    BOOST_TEST((tagged.resource == resource::manifest));
    BOOST_TEST(tagged.reference == "1.0");
    BOOST_TEST(tagged.digest.empty());
    const route by_digest = find_route("/v2/a/manifests/sha512:" + hex + hex);
    BOOST_TEST((by_digest.resource == resource::manifest));
    BOOST_TEST((by_digest.digest.algo() == digest::algorithm::sha512));
    const route referrers =
        find_route("/v2/team/app/referrers/sha256:" + hex + "?artifactType=a%2Fb");
    BOOST_TEST((referrers.resource == resource::referrers));
    BOOST_TEST(referrers.name == "team/app");
    BOOST_TEST(referrers.digest.str() == "sha256:" + hex);
    BOOST_TEST(*referrers.query_value("artifactType") == "a/b");
    BOOST_TEST(is("/v2/a/referrers/sha256:x", resource::bad_digest));
}

// The words of the API are legal parts of a name.
BOOST_AUTO_TEST_CASE(names_made_of_the_words_of_the_api) {
    for (const char* name :
         {"blobs", "manifests/tags", "blobs/uploads", "tags/list", "v2", "a/blobs", "referrers"}) {
        BOOST_TEST(find_route(std::string("/v2/") + name + "/tags/list").name == name);
        const route blob = find_route(std::string("/v2/") + name + "/blobs/sha256:" + hex);
        BOOST_TEST((blob.resource == resource::blob));
        BOOST_TEST(blob.name == name);
        const route upload = find_route(std::string("/v2/") + name + "/blobs/uploads/" + id);
        BOOST_TEST((upload.resource == resource::upload));
        BOOST_TEST(upload.name == name);
    }
}

BOOST_AUTO_TEST_CASE(names_that_are_not_legal_refused) {
    for (const char* name :
         {"",         "A",       "a/",        "/a",     "a//b",  "..",     ".",
          "a/../b",   "a/..",    "../../etc", "a..b",   "a.",    "-a",     "a-",
          "_blobs",   "a/_tags", "a___b",     "a b",    "a%20b", "%2e%2e", "a/%2e%2e/b",
          "a%2e%2eb", "a:b",     "a@b",       "%c3%a9", "a\\b",  "~a"})
        for (const char* rest : {"/blobs/uploads/", "/manifests/latest", "/tags/list"})
            BOOST_TEST(is(std::string("/v2/") + name + rest, resource::bad_name), name << rest);
    const std::string longest(limits::repository_path_bytes_max, 'a');
    BOOST_TEST(is("/v2/" + longest + "/tags/list", resource::tags));
    BOOST_TEST(is("/v2/" + longest + "a/tags/list", resource::bad_name));
}

// A guard in front of the registry would read such a path as another one.
BOOST_AUTO_TEST_CASE(escaped_slash_refused) {
    for (const char* target :
         {"/v2/a%2Fb/tags/list", "/v2/a%2fb/tags/list", "/v2%2Fa/tags/list", "/v2/a/tags%2Flist",
          "/v2/a/manifests%2Flatest", "/v2/a/blobs/uploads%2F", "/v2/..%2F..%2Fetc/tags/list"})
        BOOST_TEST(is(target, resource::bad_name), target);
    // In the query it is data.
    const route mount = find_route("/v2/a/blobs/uploads/?mount=x&from=team%2Fapp");
    BOOST_TEST((mount.resource == resource::uploads));
    BOOST_TEST(*mount.query_value("from") == "team/app");
}

BOOST_AUTO_TEST_CASE(escaped_controls_and_broken_escapes_are_nothing_of_ours) {
    for (const char* target :
         {"/v2/a%00/tags/list", "/v2/a%0d%0ab/tags/list", "/v2/a%7f/tags/list", "/v2/a%/tags/list",
          "/v2/a%4/tags/list%", "/v2/a%zz/tags/list"})
        BOOST_TEST(is(target, resource::unknown), target);
    BOOST_TEST(!percent_decode("%"));
    BOOST_TEST(!percent_decode("%4"));
    BOOST_TEST(!percent_decode("%g1"));
    BOOST_TEST(!percent_decode("a%00"));
    BOOST_TEST(percent_decode("%41%7e+").value() == "A~+");
}

BOOST_AUTO_TEST_CASE(digests_that_are_none_refused) {
    for (const std::string& text :
         {std::string("sha256:"), "sha256:" + hex.substr(1), "sha256:" + hex + "a",
          "sha256:" + std::string(64, 'A'), "sha256:" + std::string(64, 'g'), "md5:" + hex,
          "sha512:" + hex, std::string("sha256:.."), hex, std::string(), "SHA256:" + hex,
          "sha256:" + hex + "%20", std::string(8000, 'a')})
        BOOST_TEST(is("/v2/a/blobs/" + text, resource::bad_digest), text);
    BOOST_TEST(is("/v2/a/blobs/sha256:../../x", resource::unknown));
}

BOOST_AUTO_TEST_CASE(references_that_are_neither_tag_nor_digest_refused) {
    for (const std::string& text :
         {std::string(), std::string("-x"), std::string(".x"), std::string("a:b"),
          std::string("sha256:baddigeststring"), std::string("a%20b"), std::string("a+b"),
          std::string(limits::tag_bytes_max + 1, 'a'), std::string("..")})
        BOOST_TEST(is("/v2/a/manifests/" + text, resource::bad_reference), text);
    BOOST_TEST(
        is("/v2/a/manifests/" + std::string(limits::tag_bytes_max, 'a'), resource::manifest));
    BOOST_TEST(is("/v2/a/manifests/_", resource::manifest));
}

BOOST_AUTO_TEST_CASE(upload_ids_of_another_shape_unknown) {
    for (const std::string& text :
         {id.substr(1), id + "0", std::string(32, 'A'), std::string(32, '.'), std::string("..")})
        BOOST_TEST(is("/v2/a/blobs/uploads/" + text, resource::unknown), text);
}

BOOST_AUTO_TEST_CASE(everything_else_unknown) {
    for (const char* target :
         {"/", "/v1/", "/v2x/a/tags/list", "/V2/", "/v2/a", "/v2/a/tags", "/v2/a/tags/list/",
          "/v2/a/blobs", "/v2/blobs/uploads/", "/v2/_catalog/", "/v2/a/referrers",
          "/v2/referrers/x", "/index.html", "/.lock", "/v2/../index.json"})
        BOOST_TEST(is(target, resource::unknown), target);
}

BOOST_AUTO_TEST_CASE(query_reads_pairs_and_drops_broken_ones) {
    const route at =
        find_route("/v2/a/blobs/uploads/?digest=1&digest=2&x&=y&bad=%zz&nul=%00&a=b=c");
    BOOST_TEST(*at.query_value("digest") == "1");
    BOOST_TEST(*at.query_value("x") == "");
    BOOST_TEST(*at.query_value("a") == "b=c");
    BOOST_TEST(!at.query_value("bad"));
    BOOST_TEST(!at.query_value("nul"));
}

BOOST_AUTO_TEST_SUITE_END()
