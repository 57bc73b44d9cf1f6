#include "server/collector.hpp"

#include "model/hasher.hpp"
#include "support/manifest_texts.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_collector)

using namespace tarpon;
using namespace tarpon::server;
using namespace tarpon::test;
namespace fs = std::filesystem;

/// Stores over one folder, and images made of one layer each.
struct stores {
    explicit stores(const std::string& path)
        : root(path) {}

    folder root;
    blob_store blobs{root};
    upload_store uploads{root, blobs};
    manifest_store manifests{root, blobs};
    std::atomic<bool> stop = false;

    collection collect(std::chrono::seconds grace = {}, bool untagged = false) {
        return collector(root, blobs, manifests, uploads, {grace, untagged}).run(stop);
    }
    void add_blob(const std::string& repository, const std::string& content) {
        const auto inside = blobs.gate().enter();
        blobs.add_bytes(repository, digest_of(content), content);
    }
    /// false: the repository lacks what it names.
    bool
    put(const std::string& repository,
        const std::string& tag,
        const std::string& bytes,
        const std::string& type = oci_manifest) {
        return !manifests.put(repository, tag, {type, digest_of(bytes), bytes.size()}, bytes)
                    .rejected;
    }
    /// A layer, the config, and a manifest of them; returns the manifest.
    std::string
    push(const std::string& repository, const std::string& tag, const std::string& layer) {
        add_blob(repository, layer);
        add_blob(repository, "{}");
        const std::string image = image_text("{}", {layer});
        BOOST_TEST(put(repository, tag, image));
        return image;
    }
    bool has(const std::string& repository, const std::string& content) const {
        return blobs.find(repository, digest_of(content)).has_value();
    }
    bool on_disk(const std::string& content) const {
        return root.size_of(blob_path(digest_of(content))).has_value();
    }
};

struct with_dir {
    temp_dir dir;
};

struct fixture : with_dir, stores {
    fixture()
        : stores(dir.path().string()) {}

    /// As if everything had been pushed long ago.
    void age(std::chrono::hours by = std::chrono::hours(48)) {
        const auto then = fs::file_time_type::clock::now() - by;
        for (const auto& file : fs::recursive_directory_iterator(dir.path()))
            if (file.is_regular_file())
                fs::last_write_time(file.path(), then);
    }
};

BOOST_FIXTURE_TEST_CASE(what_no_manifest_names_goes_and_frees_its_space, fixture) {
    push("a", "1", "layer");
    add_blob("a", "left over");
    const collection done = collect();
    BOOST_TEST(done.blobs == 1u);
    BOOST_TEST(done.bytes == std::string("left over").size());
    BOOST_TEST(!has("a", "left over"));
    BOOST_TEST(!on_disk("left over"));
    BOOST_TEST(has("a", "layer"));
    BOOST_TEST(has("a", "{}"));
    BOOST_TEST(root.list("trash").empty());
    BOOST_TEST(collect().blobs == 0u);
}

// One repository's garbage is another one's layer.
BOOST_FIXTURE_TEST_CASE(content_stays_while_any_repository_has_it, fixture) {
    const std::string image = push("a", "1", "shared");
    push("b", "1", "shared");
    BOOST_TEST(manifests.remove("a", digest_of(image)));
    (void)collect();
    BOOST_TEST(!has("a", "shared"));
    BOOST_TEST(has("b", "shared"));
    BOOST_TEST(manifests.remove("b", digest_of(image)));
    (void)collect();
    BOOST_TEST(!on_disk("shared"));
    BOOST_TEST(!on_disk(image));
    BOOST_TEST(!on_disk("{}"));
}

BOOST_FIXTURE_TEST_CASE(what_is_young_stays_until_its_time, fixture) {
    using std::chrono::hours;
    const std::string image = push("a", "1", "layer");
    age();
    add_blob("a", "young");
    const collection first = collect(hours(1));
    BOOST_TEST(first.blobs == 0u);
    BOOST_REQUIRE(first.next.has_value());
    const auto in = *first.next - std::chrono::system_clock::now();
    BOOST_TEST((in > std::chrono::minutes(30)));
    BOOST_TEST(manifests.remove("a", digest_of(image)));
    BOOST_TEST(collect(hours(1)).blobs == 3u); // the old ones
    BOOST_TEST(has("a", "young"));
    age();
    const collection last = collect(hours(1));
    BOOST_TEST(last.blobs == 1u);
    BOOST_TEST(!last.next.has_value());
}

// What a push was told is there has to stay there until it names it.
BOOST_FIXTURE_TEST_CASE(blob_that_a_push_asked_for_or_mounted_is_young_again, fixture) {
    using std::chrono::hours;
    for (const char* content : {"asked for", "mounted", "forgotten"})
        add_blob("a", content);
    age();
    BOOST_TEST(blobs.claim("a", digest_of("asked for")).has_value());
    BOOST_TEST(blobs.mount("b", "a", digest_of("mounted")));
    BOOST_TEST(collect(hours(1)).blobs == 1u);
    BOOST_TEST(has("a", "asked for"));
    BOOST_TEST(has("b", "mounted"));
    BOOST_TEST(!on_disk("forgotten"));
}

// A push of hours: the layers that came first wait for the manifest.
BOOST_FIXTURE_TEST_CASE(repository_that_is_pushed_to_keeps_its_blobs_longer, fixture) {
    using std::chrono::hours;
    add_blob("a", "first layer");
    add_blob("b", "other");
    age(hours(3));
    auto session = uploads.begin({"a"});
    BOOST_TEST(collect(hours(1)).blobs == 1u);
    BOOST_TEST(has("a", "first layer"));
    session.reset();
    BOOST_TEST(collect(hours(1)).blobs == 0u); // there may be another layer coming
    age(hours(48));
    BOOST_TEST(collect(hours(1)).blobs == 1u);
}

BOOST_FIXTURE_TEST_CASE(deleted_tag_frees_what_only_it_needed, fixture) {
    const std::string image = push("a", "1", "layer"), other = push("a", "2", "other layer");
    BOOST_TEST(put("a", "also", image));
    BOOST_TEST(manifests.remove_tag("a", "1"));
    BOOST_TEST(collect().manifests == 0u); // it has another tag
    BOOST_TEST(manifests.remove_tag("a", "also"));
    const collection done = collect();
    BOOST_TEST(done.manifests == 1u);
    BOOST_TEST(done.blobs == 2u); // manifest and layer; the config is the other one's too
    BOOST_TEST(!manifests.find("a", digest_of(image)).has_value());
    BOOST_TEST(manifests.read(*manifests.find_tag("a", "2")).value() == other);
}

// A tag that moved on leaves an image that may be pulled by its digest.
BOOST_FIXTURE_TEST_CASE(image_that_lost_its_tag_to_another_stays_unless_asked_otherwise, fixture) {
    const std::string image = push("a", "latest", "layer");
    push("a", "latest", "newer layer");
    BOOST_TEST(collect().manifests == 0u);
    BOOST_TEST(manifests.find("a", digest_of(image)).has_value());
    BOOST_TEST(collect({}, true).manifests == 1u);
    BOOST_TEST(!on_disk("layer"));
    BOOST_TEST(has("a", "newer layer"));
}

BOOST_FIXTURE_TEST_CASE(deleted_index_frees_platforms_and_what_refers_to_them, fixture) {
    const std::string amd64 = push("a", "", "amd64"), arm64 = push("a", "", "arm64"),
                      tagged = push("a", "stays", "tagged");
    const std::string index = index_of({amd64, arm64, tagged});
    BOOST_TEST(put("a", "all", index, oci_index));
    add_blob("a", "signature");
    const std::string signature = image_text("{}", {"signature"}, subject_of(amd64));
    BOOST_TEST(put("a", "", signature));
    BOOST_TEST(collect({}, true).manifests == 0u); // all of them are alive
    BOOST_TEST(manifests.remove("a", digest_of(index)));
    const collection done = collect();
    BOOST_TEST(done.manifests == 3u);
    for (const std::string& gone : {amd64, arm64, index, signature, std::string("signature")})
        BOOST_TEST(!on_disk(gone), gone);
    BOOST_TEST(manifests.referrers("a", digest_of(amd64), {}, {}).descriptors.empty());
    BOOST_TEST(has("a", "tagged"));
}

// A part with a tag of its own is no part of what was deleted, also when its tag moves on later.
BOOST_FIXTURE_TEST_CASE(part_that_has_a_tag_is_not_deleted_with_its_index, fixture) {
    const std::string part = push("a", "amd64", "part");
    BOOST_TEST(put("a", "all", index_of({part}), oci_index));
    BOOST_TEST(manifests.remove_tag("a", "all"));
    BOOST_TEST(collect().manifests == 1u);
    push("a", "amd64", "newer part");
    BOOST_TEST(collect().manifests == 0u);
    BOOST_TEST(has("a", "part"));
}

// More than one run takes is left to the next, which comes at once.
BOOST_FIXTURE_TEST_CASE(large_collection_goes_in_parts, fixture) {
    for (const char* layer : {"one", "two", "three"}) {
        push("a", layer, layer);
        BOOST_TEST(manifests.remove_tag("a", layer));
    }
    push("b", "stays", "four");
    std::size_t removed = 0;
    int runs = 0;
    bool more = true;
    for (; more && runs < 10; ++runs) {
        const collection done =
            collector(root, blobs, manifests, uploads, {std::chrono::seconds(0), false, 1})
                .run(stop);
        removed += done.manifests;
        more = done.next.has_value();
        BOOST_TEST((done.manifests <= 1));
    }
    BOOST_TEST(!more);
    BOOST_TEST(removed == 3u);
    for (const char* gone : {"one", "two", "three"})
        BOOST_TEST(!on_disk(gone), gone);
    BOOST_TEST(has("b", "four"));
}

// What is pushed again after a delete is wanted again, also without a tag.
BOOST_FIXTURE_TEST_CASE(released_image_that_is_pushed_again_stays, fixture) {
    const std::string image = push("a", "1", "layer");
    BOOST_TEST(manifests.remove_tag("a", "1"));
    BOOST_TEST(put("a", "", image));
    BOOST_TEST(collect().manifests == 0u);
    BOOST_TEST(has("a", "layer"));
}

// --- failing closed -----------------------------------------------------------------------------

void check_nothing_goes(fixture& all) {
    const auto is_told = [](const error& e) {
        return e.code() == errc::storage;
    };
    BOOST_CHECK_EXCEPTION(all.collect({}, true), error, is_told);
    BOOST_TEST(all.has("a", "left over"));
    BOOST_TEST(all.has("b", "left over"));
    BOOST_TEST(all.on_disk("left over"));
}

// distribution #3178 and zot #4195: what cannot be read might name anything.
BOOST_FIXTURE_TEST_CASE(damaged_manifest_ends_it_with_nothing_removed, fixture) {
    const std::string image = push("b", "1", "layer");
    for (const char* repository : {"a", "b"})
        add_blob(repository, "left over");
    const std::string path = blob_path(digest_of(image));
    std::string flipped = image;
    flipped[30] ^= 1;
    for (const std::string& damaged :
         {flipped, image.substr(1), std::string(), std::string("{}")}) {
        dir.write(path, damaged);
        check_nothing_goes(*this);
    }
    fs::remove(dir.path() / path);
    check_nothing_goes(*this);
    fs::create_directory(dir.path() / path);
    check_nothing_goes(*this);
    fs::remove(dir.path() / path);
    // Either of the two ways that the message says.
    BOOST_TEST(put("b", "1", image));
    BOOST_TEST(collect().blobs == 1u);
    dir.write(path, flipped);
    add_blob("b", "more");
    BOOST_TEST(manifests.remove("b", digest_of(image)));
    (void)collect();
    BOOST_TEST(!on_disk("more"));
}

BOOST_FIXTURE_TEST_CASE(files_that_should_not_be_there_end_it_with_nothing_removed, fixture) {
    push("b", "1", "layer");
    for (const char* repository : {"a", "b"})
        add_blob(repository, "left over");
    const fs::path tags = dir.path() / "repositories/b/_tags";
    dir.write("repositories/b/_tags/damaged", "{");
    check_nothing_goes(*this);
    fs::remove(tags / "damaged");
    fs::create_directory(tags / "folder");
    check_nothing_goes(*this);
    fs::remove(tags / "folder");
    fs::create_symlink(dir.path() / "index.json", tags / "link");
    check_nothing_goes(*this);
    fs::remove(tags / "link");
    BOOST_TEST(collect().blobs == 1u);
}

BOOST_FIXTURE_TEST_CASE(stopped_one_removes_nothing, fixture) {
    add_blob("a", "left over");
    stop = true;
    BOOST_TEST(collect().blobs == 0u);
    BOOST_TEST(has("a", "left over"));
}

// --- while pushes go on -------------------------------------------------------------------------

/// Pushes and deletes images that share layers, again and again; counts what is not whole after it
/// was accepted.
std::size_t push_and_delete(stores& all, const std::string& repository, int rounds) {
    std::size_t broken = 0;
    for (int round = 0; round < rounds; ++round) {
        const std::string own = repository + std::to_string(round % 3);
        const std::string image = image_text("{}", {"shared", own});
        bool accepted = false;
        while (!accepted) {
            for (const std::string& content : {std::string("{}"), std::string("shared"), own}) {
                const auto inside = all.blobs.gate().enter();
                if (!all.blobs.claim(repository, digest_of(content))
                    && !all.blobs.mount(repository, "other", digest_of(content)))
                    all.blobs.add_bytes(repository, digest_of(content), content);
            }
            accepted = all.put(repository, round % 2 ? "latest" : "", image);
        }
        for (const std::string& content : {std::string("{}"), std::string("shared"), own, image})
            broken += all.has(repository, content) ? 0 : 1;
        if (round % 5 == 4)
            all.manifests.remove(repository, digest_of(image));
    }
    return broken;
}

// Without any grace: what was accepted stays whole, however the steps fall between each other.
BOOST_FIXTURE_TEST_CASE(accepted_image_stays_whole_while_it_collects, fixture) {
    std::atomic<bool> over = false;
    std::atomic<std::size_t> broken = 0, collected = 0;
    std::vector<std::thread> pushers;
    for (const char* repository : {"a", "b", "other"})
        pushers.emplace_back(
            [this, &broken, repository] { broken += push_and_delete(*this, repository, 40); });
    std::thread cleaner([&] {
        while (!over)
            collected += collect().blobs;
    });
    for (std::thread& pusher : pushers)
        pusher.join();
    over = true;
    cleaner.join();
    BOOST_TEST(broken == 0u);
    BOOST_TEST(collected > 0u); // it was in the way at all
    // At rest every tag is whole.
    (void)collect();
    for (const std::string& repository : manifests.repositories())
        for (const std::string& tag : manifests.tags(repository).value())
            BOOST_TEST(manifests.parsed(repository, manifests.find_tag(repository, tag)->digest)
                           .has_value());
}

// kill -9 after any number of milliseconds' work: the next process finds every tag whole.
BOOST_FIXTURE_TEST_CASE(killed_in_the_middle_everything_named_is_there, fixture) {
    for (int round = 0; round < 12; ++round) {
        push("a", "kept", "kept layer");
        for (int i = 0; i < 8; ++i) {
            const std::string image = push("a", std::to_string(i), "layer " + std::to_string(i));
            BOOST_TEST(manifests.remove_tag("a", std::to_string(i)));
        }
        const pid_t child = ::fork();
        if (child == 0) {
            // A process of its own, with nothing but its folder.
            stores own(dir.path().string());
            own.collect();
            ::_exit(0);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(600 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        stores next(dir.path().string());
        const auto kept = next.manifests.find_tag("a", "kept");
        BOOST_REQUIRE(kept.has_value());
        const auto document = next.manifests.parsed("a", kept->digest);
        BOOST_REQUIRE(document.has_value());
        for (const digest& part : parts_of(*document))
            BOOST_TEST(next.blobs.find("a", part).has_value());
        (void)next.collect();
        BOOST_TEST(!next.on_disk("layer 3"));
        BOOST_TEST(next.root.list("trash").empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()
