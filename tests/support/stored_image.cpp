// See stored_image.hpp.
#include "support/stored_image.hpp"

#include "support/printing.hpp"

#include <boost/test/unit_test.hpp>

namespace tarpon::test {

archive::manifest_document document_of(const fake_registry::stored_manifest* stored) {
    BOOST_REQUIRE(stored != nullptr);
    return archive::parse_manifest(stored->bytes, stored->media_type).value();
}

archive::manifest_document
tagged(const push_scene& s, const std::string& repository, const std::string& tag) {
    return document_of(s.registry.tagged(repository, tag));
}

void check_image(
    const push_scene& s,
    const std::string& repository,
    const std::string& tag,
    const built_image& image) {
    const auto document = tagged(s, repository, tag);
    BOOST_TEST(document.config.digest == image.config_digest());
    BOOST_TEST(*s.registry.blob(repository, document.config.digest) == image.config);
    BOOST_REQUIRE(document.layers.size() == image.layers.size());
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
        const std::string* layer = s.registry.blob(repository, document.layers[i].digest);
        BOOST_REQUIRE(layer != nullptr);
        BOOST_TEST(layer->size() == document.layers[i].size);
        BOOST_TEST((gunzip(*layer) == image.layers[i]));
    }
    BOOST_TEST(s.registry.broken_tags().empty());
}

void check_done(const push_scene& s, const push_report& report) {
    BOOST_REQUIRE_MESSAGE(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.broken_tags().empty());
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

} // namespace tarpon::test
