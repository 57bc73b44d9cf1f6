#include "archive/archive_file.hpp"

#include "support/image_builder.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <filesystem>

BOOST_AUTO_TEST_SUITE(test_archive_file)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using archive::archive_contents;
using file = archive::archive_file;

result<archive_contents> index(const std::string& path) {
    auto opened = file::open(path);
    if (!opened)
        return opened.error();
    const auto kind = opened->sniff();
    if (!kind)
        return kind.error();
    return opened->index();
}

errc code_of(const result<archive_contents>& outcome) {
    return outcome ? errc{} : outcome.error().code;
}

struct fixture_sample {
    const char* name;
    std::size_t images, names, layers; // layers of the first image where manifest.json has it
};
std::ostream& operator<<(std::ostream& out, const fixture_sample& s) {
    return out << s.name;
}

const fixture_sample fixtures[] = {
    {"crane-pull-gz-layers.tar", 1, 1, 3}, {"docker20-dup-layers.tar", 1, 1, 5},
    {"docker20-multi.tar", 3, 2, 3},       {"docker20-single.tar", 1, 1, 3},
    {"docker20-untagged.tar", 1, 0, 3},    {"docker28-containerd-missing-platform.tar", 1, 1, 0},
    {"docker28-dup-layers.tar", 1, 1, 6},  {"docker28-multi.tar", 3, 1, 4},
    {"docker28-single.tar", 1, 1, 3},      {"multiarch-oci.tar", 1, 1, 0},
    {"oras-referrers.tar", 1, 1, 0},       {"podman-docker-archive.tar", 1, 1, 3},
    {"skopeo-oci-archive.tar", 1, 1, 0},   {"skopeo-oci-zstd.tar", 1, 1, 0},
};

// What the real tools wrote is understood.
BOOST_DATA_TEST_CASE(fixtures_are_indexed, bdata::make(fixtures), sample) {
    const auto contents = index(test::data_file(sample.name));
    BOOST_REQUIRE_MESSAGE(contents, contents.error().message);
    BOOST_TEST(contents->images.size() == sample.images);
    const auto& first = contents->images.front();
    BOOST_TEST(!first.trouble.has_value());
    BOOST_TEST(first.names.size() == sample.names);
    BOOST_TEST((first.layered ? first.layered->layers.size() : 0u) == sample.layers);
}

BOOST_AUTO_TEST_CASE(referrers_belong_to_their_image) {
    const auto contents = index(test::data_file("oras-referrers.tar")).value();
    BOOST_REQUIRE(contents.images.size() == 1u);
    BOOST_TEST(contents.images[0].referrers.size() == 1u);
    BOOST_TEST(contents.images[0].names.at(0).tag == "1");
    BOOST_TEST(contents.images[0].names.at(0).path.empty());
}

// Cut after every block: never a crash, never a whole archive, always the archive class.
BOOST_AUTO_TEST_CASE(every_truncation_is_an_archive_error) {
    const std::string whole = test::read_file(test::data_file("docker20-single.tar"));
    const std::size_t metadata_end = whole.find("\"RepoTags\"");
    const test::temp_dir dir;
    const std::string path = dir.write("cut.tar", whole);
    for (std::size_t length = (metadata_end / 512) * 512; length > 0;
         length -= std::min<std::size_t>(length, 512 * 7)) {
        for (const std::size_t cut : {length, length - 200}) {
            std::filesystem::resize_file(path, cut);
            const auto contents = index(path);
            BOOST_REQUIRE_MESSAGE(!contents, "cut at " << cut);
            BOOST_TEST((class_of(contents.error().code) == error_class::archive));
        }
    }
}

BOOST_AUTO_TEST_CASE(truncation_before_metadata_says_so) {
    const std::string whole = test::read_file(test::data_file("docker20-single.tar"));
    const test::temp_dir dir;
    const auto contents = index(dir.write("cut.tar", whole.substr(0, 512 * 5)));
    BOOST_REQUIRE(!contents);
    BOOST_TEST((contents.error().code == errc::archive_truncated));
}

BOOST_AUTO_TEST_CASE(other_files_are_named) {
    const test::temp_dir dir;
    BOOST_TEST((code_of(index(dir.write("empty", ""))) == errc::archive_empty));
    BOOST_TEST(
        (code_of(index(dir.write("zip", "PK\x03\x04" + std::string(1000, 'x'))))
         == errc::archive_not_tar));
    BOOST_TEST((code_of(index(dir.write("text", "hello"))) == errc::archive_not_tar));
    BOOST_TEST((code_of(index(dir.path().string())) == errc::archive_unreadable));
    BOOST_TEST((code_of(index(dir.path() / "absent")) == errc::archive_unreadable));
    BOOST_TEST(
        (code_of(index(dir.write("zeros", std::string(10240, '\0')))) == errc::archive_not_image));
    BOOST_TEST(
        (code_of(
             index(dir.write("export", test::tar_builder().file("etc/passwd", "root").end().str())))
         == errc::archive_not_image));
    BOOST_TEST((
        code_of(index(dir.write("old", test::tar_builder().file("repositories", "{}").end().str())))
        == errc::archive_unsupported));
}

BOOST_AUTO_TEST_CASE(change_while_reading_is_noticed) {
    const test::temp_dir dir;
    const std::string path = dir.write(
        "a.tar", test::docker_archive({test::make_image({test::make_layer(1)}, {"a:1"})}));
    const auto opened = file::open(path);
    BOOST_REQUIRE(opened);
    BOOST_TEST(opened->check_unchanged().has_value());
    std::filesystem::resize_file(path, 100);
    BOOST_TEST(!opened->check_unchanged().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
