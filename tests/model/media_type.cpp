#include "model/media_type.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

BOOST_AUTO_TEST_SUITE(test_media_type)

namespace mt = tarpon::media_type;

BOOST_AUTO_TEST_CASE(foreign_is_told_by_type) {
    BOOST_TEST(mt::is_foreign("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
    BOOST_TEST(mt::is_foreign("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"));
    BOOST_TEST(!mt::is_foreign(mt::oci_layer_gzip));
}

BOOST_AUTO_TEST_CASE(plain_layer_is_without_compression) {
    BOOST_TEST(mt::is_plain_layer(mt::oci_layer));
    BOOST_TEST(mt::is_plain_layer(mt::docker_layer));
    BOOST_TEST(!mt::is_plain_layer(mt::docker_layer_gzip));
}

// A media type goes into a header: nothing that ends the header may pass.
BOOST_AUTO_TEST_CASE(well_formed_keeps_headers_whole) {
    BOOST_TEST(mt::is_well_formed(mt::oci_manifest));
    BOOST_TEST(mt::is_well_formed("application/vnd.cncf.helm.config.v1+json"));
    for (const std::string& bad :
         {std::string(), std::string("text"), std::string("a/b; charset=utf-8"),
          std::string("a/b\r\nX: y"), std::string("a/"), std::string("/b"), std::string("a/b c"),
          "a/" + std::string(300, 'b')})
        BOOST_TEST(!mt::is_well_formed(bad));
}

BOOST_AUTO_TEST_SUITE_END()
