#include "server/manifest_store.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_manifest_store)

using namespace tarpon;
using namespace tarpon::server;
using test::read_file;
using test::temp_dir;
namespace fs = std::filesystem;
namespace json = boost::json;

const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";
const std::string oci_index = "application/vnd.oci.image.index.v1+json";
const std::string oci_config = "application/vnd.oci.image.config.v1+json";
const std::string oci_layer = "application/vnd.oci.image.layer.v1.tar";

std::string descriptor_text(const std::string& type, const digest& name, std::size_t size) {
    return R"({"mediaType":")" + type + R"(","digest":")" + name.str() + R"(","size":)"
           + std::to_string(size) + "}";
}

std::string manifest_text(const std::string& config, const std::string& layers) {
    return R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(","config":)"
           + descriptor_text(oci_config, digest_of(config), config.size()) + R"(,"layers":[)"
           + layers + "]}";
}

std::string index_text(const std::string& manifests) {
    return R"({"schemaVersion":2,"mediaType":")" + oci_index + R"(","manifests":[)" + manifests
           + "]}";
}

struct fixture {
    temp_dir dir;
    folder root{dir.path().string()};
    blob_store blobs{root};
    std::optional<manifest_store> manifests{std::in_place, root, blobs};
    const std::string config = "{}";
    const std::string layer = "layer";
    const std::string image =
        manifest_text(config, descriptor_text(oci_layer, digest_of(layer), layer.size()));

    void restart() { manifests.emplace(root, blobs); }
    void add_blobs(const std::string& repository) {
        blobs.add_bytes(repository, digest_of(config), config);
        blobs.add_bytes(repository, digest_of(layer), layer);
    }
    static descriptor self(const std::string& bytes, const std::string& type = oci_manifest) {
        return {type, digest_of(bytes), bytes.size()};
    }
    /// The code of the refusal; empty when it is stored.
    std::string
    put(const std::string& repository,
        const std::string& tag,
        const std::string& bytes,
        const std::string& type = oci_manifest) {
        const auto rejected = manifests->put(repository, tag, self(bytes, type), bytes).rejected;
        return rejected ? rejected->code : std::string();
    }
    json::array index_entries() {
        const json::value index = json::parse(read_file(dir.path() / "index.json"));
        return index.at("manifests").as_array();
    }
    std::vector<std::string> index_names() {
        std::vector<std::string> names;
        for (const json::value& entry : index_entries())
            names.emplace_back(entry.at("annotations")
                                   .at("org.opencontainers.image.ref.name")
                                   .as_string()
                                   .c_str());
        return names;
    }
};

BOOST_FIXTURE_TEST_CASE(image_is_found_by_tag_and_by_digest, fixture) {
    add_blobs("team/app");
    BOOST_TEST(put("team/app", "1.0", image) == "");
    BOOST_TEST((manifests->find_tag("team/app", "1.0") == self(image)));
    BOOST_TEST((manifests->find("team/app", digest_of(image)) == self(image)));
    BOOST_TEST(manifests->read(self(image)).value() == image);
    BOOST_TEST(!manifests->find_tag("team/app", "1.1").has_value());
    BOOST_TEST(!manifests->find_tag("team", "1.0").has_value());
    BOOST_TEST(!manifests->find("other", digest_of(image)).has_value());
    BOOST_TEST(!manifests->find("team/app", digest_of("x")).has_value());
}

// A blob of the repository is no manifest because its digest is asked for.
BOOST_FIXTURE_TEST_CASE(layer_is_no_manifest, fixture) {
    add_blobs("a");
    BOOST_TEST(!manifests->find("a", digest_of(layer)).has_value());
}

BOOST_FIXTURE_TEST_CASE(what_it_refers_to_must_be_in_the_same_repository, fixture) {
    BOOST_TEST(put("a", "1", image) == "MANIFEST_BLOB_UNKNOWN");
    add_blobs("b");
    BOOST_TEST(put("a", "1", image) == "MANIFEST_BLOB_UNKNOWN");
    blobs.add_bytes("a", digest_of(config), config);
    BOOST_TEST(put("a", "1", image) == "MANIFEST_BLOB_UNKNOWN");
    blobs.add_bytes("a", digest_of(layer), layer);
    fs::resize_file(dir.path() / blob_path(digest_of(layer)), 2); // damaged counts as absent
    BOOST_TEST(put("a", "1", image) == "MANIFEST_BLOB_UNKNOWN");
    BOOST_TEST(!manifests->find_tag("a", "1").has_value());
    BOOST_TEST(!manifests->find("a", digest_of(image)).has_value());
    BOOST_TEST(!manifests->tags("a").has_value());
    add_blobs("a");
    BOOST_TEST(put("a", "1", image) == "");
}

BOOST_FIXTURE_TEST_CASE(layer_that_lives_elsewhere_need_not_be_there, fixture) {
    blobs.add_bytes("a", digest_of(config), config);
    const std::string foreign = manifest_text(
        config, descriptor_text(
                    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                    digest_of("far away"), 8));
    BOOST_TEST(put("a", "1", foreign) == "");
}

BOOST_FIXTURE_TEST_CASE(children_of_an_index_must_be_manifests_of_the_repository, fixture) {
    const std::string child = descriptor_text(oci_manifest, digest_of(image), image.size());
    const std::string index = index_text(child);
    add_blobs("a");
    BOOST_TEST(put("a", "1", index, oci_index) == "MANIFEST_BLOB_UNKNOWN");
    blobs.add_bytes("a", digest_of(image), image); // a blob, but no manifest
    BOOST_TEST(put("a", "1", index, oci_index) == "MANIFEST_BLOB_UNKNOWN");
    BOOST_TEST(put("a", "", image) == "");
    BOOST_TEST(put("a", "1", index, oci_index) == "");
    BOOST_TEST(put("b", "1", index_text(""), oci_index) == "");
    const std::string nested =
        index_text(descriptor_text(oci_index, digest_of(index), index.size()));
    BOOST_TEST(put("b", "2", nested, oci_index) == "MANIFEST_BLOB_UNKNOWN");
    BOOST_TEST(put("a", "2", nested, oci_index) == "");
}

// Caches of BuildKit.
BOOST_FIXTURE_TEST_CASE(index_of_layers, fixture) {
    const std::string cache = index_text(descriptor_text(
        "application/vnd.oci.image.layer.v1.tar+gzip", digest_of(layer), layer.size()));
    BOOST_TEST(put("a", "cache", cache, oci_index) == "MANIFEST_BLOB_UNKNOWN");
    add_blobs("a");
    BOOST_TEST(put("a", "cache", cache, oci_index) == "");
}

// CVE-2021-41190 and its kin: a body that two readers would take differently.
BOOST_FIXTURE_TEST_CASE(ambiguous_bodies_refused, fixture) {
    add_blobs("a");
    const std::string both = image.substr(0, image.size() - 1) + R"(,"manifests":[]})";
    const std::string twice = R"({"schemaVersion":2,)" + image.substr(1);
    const std::string other_case = image.substr(0, image.size() - 1) + R"(,"Layers":[]})";
    const std::string other_type = index_text("");
    for (const std::string& bad :
         {both, twice, other_case, other_type, "\xef\xbb\xbf" + image, image + "x",
          std::string("{}"), std::string("[]"), std::string(), std::string("null"),
          std::string("{\"schemaVersion\":2")})
        BOOST_TEST(put("a", "1", bad) == "MANIFEST_INVALID", bad);
    BOOST_TEST(put("a", "1", image, oci_index) == "MANIFEST_INVALID");
    BOOST_TEST(!manifests->tags("a").has_value());
}

BOOST_FIXTURE_TEST_CASE(tag_moves_to_what_was_pushed_last, fixture) {
    add_blobs("a");
    const std::string other = manifest_text(config, "");
    BOOST_TEST(put("a", "latest", image) == "");
    BOOST_TEST(put("a", "latest", other) == "");
    BOOST_TEST((manifests->find_tag("a", "latest") == self(other)));
    BOOST_TEST(manifests->find("a", digest_of(image)).has_value());
    restart();
    BOOST_TEST((manifests->find_tag("a", "latest") == self(other)));
}

// A crash or a full disk before the tag leaves everything but the tag; before that, nothing.
BOOST_FIXTURE_TEST_CASE(tag_is_written_last, fixture) {
    add_blobs("a");
    dir.write("repositories/a/_tags", "in the way");
    BOOST_CHECK_THROW(put("a", "1", image), error);
    BOOST_TEST(!manifests->find_tag("a", "1").has_value());
    BOOST_TEST(manifests->find("a", digest_of(image)).has_value());
    fs::remove(dir.path() / "repositories/a/_tags");
    const std::string other = manifest_text(config, "");
    fs::rename(dir.path() / "repositories/a/_manifests", dir.path() / "away");
    dir.write("repositories/a/_manifests", "in the way");
    BOOST_CHECK_THROW(put("a", "1", other), error);
    BOOST_TEST(!manifests->find_tag("a", "1").has_value());
    BOOST_TEST(!fs::exists(dir.path() / "repositories/a/_tags"));
}

// Truncated or changed manifests are not handed out under a digest they do not have.
BOOST_FIXTURE_TEST_CASE(damaged_manifest_is_absent_until_it_is_pushed_again, fixture) {
    add_blobs("a");
    BOOST_TEST(put("a", "1", image) == "");
    const std::string path = blob_path(digest_of(image));
    std::string changed = image;
    changed[20] ^= 1;
    for (const std::string& damaged : {image.substr(1), image + " ", changed, std::string()}) {
        dir.write(path, damaged);
        BOOST_TEST(!manifests->read(self(image)).has_value());
        BOOST_TEST(put("a", "1", image) == "");
        BOOST_TEST(manifests->read(self(image)).value() == image);
    }
    fs::remove(dir.path() / path);
    BOOST_TEST(!manifests->read(self(image)).has_value());
}

BOOST_FIXTURE_TEST_CASE(index_json_is_a_layout_that_names_every_tag, fixture) {
    BOOST_TEST(index_entries().empty());
    BOOST_TEST(read_file(dir.path() / "oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
    for (const char* repository : {"a", "team/app"}) {
        add_blobs(repository);
        for (const char* tag : {"1", "latest"})
            BOOST_TEST(put(repository, tag, image) == "");
    }
    BOOST_TEST(put("a", "", manifest_text(config, "")) == ""); // has no tag, so no name
    manifests->write_index();
    const json::value index = json::parse(read_file(dir.path() / "index.json"));
    BOOST_TEST(index.at("schemaVersion").as_int64() == 2);
    BOOST_TEST(index.at("mediaType").as_string() == oci_index);
    const std::vector<std::string> expected{"a:1", "a:latest", "team/app:1", "team/app:latest"};
    BOOST_TEST(index_names() == expected, boost::test_tools::per_element());
    for (const json::value& entry : index_entries()) {
        BOOST_TEST(entry.at("digest").as_string() == digest_of(image).str());
        BOOST_TEST(entry.at("size").to_number<std::size_t>() == image.size());
        BOOST_TEST(entry.at("mediaType").as_string() == oci_manifest);
        BOOST_TEST(fs::exists(dir.path() / blob_path(digest_of(image))));
    }
}

BOOST_FIXTURE_TEST_CASE(index_json_is_written_again_at_the_start, fixture) {
    add_blobs("a");
    BOOST_TEST(put("a", "1", image) == "");
    const std::vector<std::string> expected{"a:1"};
    const auto missing = [&] {
        fs::remove(dir.path() / "index.json");
        fs::remove(dir.path() / "oci-layout");
    };
    const auto emptied = [&] {
        dir.write("index.json", "");
        dir.write("oci-layout", "");
    };
    const auto garbage = [&] {
        dir.write("index.json", "{\"manifests\":[");
        dir.write("oci-layout", "no");
    };
    const auto of_another_time = [&] {
        dir.write("index.json", index_text(""));
    };
    const std::vector<std::function<void()>> damages{missing, emptied, garbage, of_another_time};
    for (const auto& damage : damages) {
        damage();
        restart();
        BOOST_TEST(index_names() == expected, boost::test_tools::per_element());
        BOOST_TEST(read_file(dir.path() / "oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
    }
}

// One file that is no tag must not keep the server from starting, or the other tags from being
// seen.
BOOST_FIXTURE_TEST_CASE(files_that_are_no_tags_are_left_out, fixture) {
    add_blobs("a");
    BOOST_TEST(put("a", "good", image) == "");
    const temp_dir elsewhere;
    const std::string tags = "repositories/a/_tags/";
    const std::string link = elsewhere.write("good", read_file(dir.path() / (tags + "good")));
    dir.write(tags + "empty", "");
    dir.write(tags + "garbage", "{\"digest\":");
    dir.write(tags + "no-digest", R"({"mediaType":"x","digest":"sha256:x","size":1})");
    dir.write(tags + "large", std::string(100'000, ' '));
    dir.write(tags + "-bad name", read_file(dir.path() / (tags + "good")));
    fs::create_symlink(link, dir.path() / (tags + "link"));
    fs::create_directory(dir.path() / (tags + "folder"));
    BOOST_REQUIRE_NO_THROW(restart());
    const std::vector<std::string> expected{"good"};
    BOOST_TEST(manifests->tags("a").value() == expected, boost::test_tools::per_element());
    BOOST_TEST(put("a", "empty", image) == ""); // pushing again repairs
    BOOST_TEST(manifests->tags("a").value().size() == 2u);
}

BOOST_FIXTURE_TEST_CASE(tags_and_repositories_come_sorted_by_bytes, fixture) {
    for (const char* repository : {"b", "a/c", "a"}) {
        add_blobs(repository);
        for (const char* tag : {"b", "A", "a", "10", "9"})
            BOOST_TEST(put(repository, tag, image) == "");
    }
    restart();
    const std::vector<std::string> tags{"10", "9", "A", "a", "b"}, names{"a", "a/c", "b"};
    BOOST_TEST(manifests->tags("a").value() == tags, boost::test_tools::per_element());
    BOOST_TEST(manifests->repositories() == names, boost::test_tools::per_element());
    BOOST_TEST(!manifests->tags("c").has_value());
}

// Two pushes of one tag at once: memory and disk must not name different images afterwards.
BOOST_FIXTURE_TEST_CASE(tag_written_by_several_at_once_is_the_same_after_a_restart, fixture) {
    add_blobs("a");
    std::vector<std::string> images;
    for (int i = 0; i < 4; ++i)
        images.push_back(manifest_text(
            config, descriptor_text(oci_layer, digest_of(layer), layer.size() + 0u)
                        + (i == 0 ? "" : "," + descriptor_text(oci_layer, digest_of(config), 2))
                        + std::string(static_cast<std::size_t>(i), ' ')));
    std::vector<std::thread> writers;
    for (const std::string& one : images)
        writers.emplace_back([&] {
            for (int round = 0; round < 20; ++round)
                (void)manifests->put("a", "latest", self(one), one);
        });
    for (std::thread& writer : writers)
        writer.join();
    const auto in_memory = manifests->find_tag("a", "latest");
    restart();
    BOOST_TEST((manifests->find_tag("a", "latest") == in_memory));
    BOOST_TEST(in_memory.has_value());
}

// A tag that comes while its manifest is removed goes with it, or keeps it.
BOOST_FIXTURE_TEST_CASE(tag_put_while_its_manifest_is_removed_names_no_void, fixture) {
    add_blobs("a");
    const descriptor content = self(image);
    std::size_t broken = 0;
    for (int round = 0; round < 50; ++round) {
        std::atomic<bool> over = false;
        std::thread remover([&] {
            while (!over)
                manifests->remove("a", content.digest);
        });
        (void)manifests->put("a", "latest", content, image);
        over = true;
        remover.join();
        const bool named = manifests->find_tag("a", "latest").has_value();
        broken += named && !manifests->find("a", content.digest) ? 1 : 0;
    }
    BOOST_TEST(broken == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
