#include "server/blob_store.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_blob_store)

using namespace tarpon;
using namespace tarpon::server;
using test::read_file;
using test::temp_dir;
namespace fs = std::filesystem;

struct fixture {
    temp_dir dir;
    folder root{dir.path().string()};
    blob_store blobs{root};
    const std::string content = std::string(10'000, 'x');
    const digest name = digest_of(content);
    const fs::path place = dir.path() / blob_path(name);

    /// As an upload does it.
    void add(const std::string& repository) {
        const file temporary = root.create("upload");
        temporary.write_at(0, std::as_bytes(std::span(content)));
        temporary.sync();
        blobs.add(repository, name, "upload", content.size());
    }
    std::string bytes_of(const std::string& repository) {
        const auto found = blobs.open(repository, name);
        if (!found)
            return "none";
        std::string bytes(static_cast<std::size_t>(found->size) + 1, '\0');
        bytes.resize(found->content.read_at(0, std::as_writable_bytes(std::span(bytes))));
        return bytes;
    }
};

BOOST_FIXTURE_TEST_CASE(blob_is_found_where_it_was_pushed_and_nowhere_else, fixture) {
    BOOST_TEST(!blobs.find("team/app", name).has_value());
    add("team/app");
    BOOST_TEST(blobs.find("team/app", name).value() == content.size());
    BOOST_TEST(bytes_of("team/app") == content);
    BOOST_TEST(read_file(place) == content);
    for (const char* other : {"team", "team/app/x", "other"}) {
        BOOST_TEST(!blobs.find(other, name).has_value());
        BOOST_TEST(!blobs.open(other, name).has_value());
    }
}

BOOST_FIXTURE_TEST_CASE(both_algorithms_and_no_bytes_at_all, fixture) {
    const digest long_name = digest_of("", digest::algorithm::sha512);
    blobs.add_bytes("a", long_name, "");
    blobs.add_bytes("a", digest_of(""), "");
    BOOST_TEST(blobs.find("a", long_name).value() == 0u);
    BOOST_TEST(blobs.find("a", digest_of("")).value() == 0u);
    BOOST_TEST(blobs.open("a", long_name).has_value());
}

// A file that lost bytes is not there, so that clients send it again; and that repairs it.
BOOST_FIXTURE_TEST_CASE(damaged_file_is_absent_until_it_is_pushed_again, fixture) {
    add("a");
    const auto longer = [&] {
        fs::resize_file(place, content.size() + 1);
    };
    const auto shorter = [&] {
        fs::resize_file(place, content.size() - 1);
    };
    const auto emptied = [&] {
        fs::resize_file(place, 0);
    };
    const auto removed = [&] {
        fs::remove(place);
    };
    const auto a_folder = [&] {
        fs::remove(place);
        fs::create_directory(place);
    };
    const std::vector<std::function<void()>> damages{longer, shorter, emptied, removed};
    for (const auto& damage : damages) {
        damage();
        BOOST_TEST(!blobs.find("a", name).has_value());
        BOOST_TEST(bytes_of("a") == "none");
        BOOST_TEST(!blobs.mount("b", "a", name));
        add("a");
        BOOST_TEST(bytes_of("a") == content);
    }
    a_folder();
    BOOST_TEST(!blobs.find("a", name).has_value());
}

BOOST_FIXTURE_TEST_CASE(changed_bytes_are_repaired_by_another_push, fixture) {
    add("a");
    std::string damaged = content;
    damaged[5000] ^= 1;
    dir.write(blob_path(name), damaged);
    add("a");
    BOOST_TEST(read_file(place) == content);
}

// ggcr 7f937fe5: a link in blobs/ must not publish any file of the machine.
BOOST_FIXTURE_TEST_CASE(link_in_the_place_of_a_blob_is_not_served, fixture) {
    add("a");
    const temp_dir elsewhere;
    const std::string secret = elsewhere.write("secret", content); // even of the right size
    fs::remove(place);
    fs::create_symlink(secret, place);
    BOOST_TEST(!blobs.find("a", name).has_value());
    BOOST_TEST(!blobs.open("a", name).has_value());
    add("a");
    BOOST_TEST(!fs::is_symlink(place));
    BOOST_TEST(bytes_of("a") == content);
    BOOST_TEST(read_file(secret) == content);
}

BOOST_FIXTURE_TEST_CASE(unreadable_link_counts_as_none, fixture) {
    add("a");
    for (const char* text : {"", "x", "-1", "10000 ", "1e4", "99999999999999999999"}) {
        dir.write("repositories/a/_blobs/sha256/" + std::string(name.hex()), text);
        BOOST_TEST(!blobs.find("a", name).has_value(), text);
    }
}

BOOST_FIXTURE_TEST_CASE(mount_needs_a_repository_that_has_it, fixture) {
    add("a");
    BOOST_TEST(!blobs.mount("c", "b", name));
    BOOST_TEST(!blobs.find("c", name).has_value());
    BOOST_TEST(blobs.mount("b", "a", name));
    BOOST_TEST(bytes_of("b") == content);
    BOOST_TEST(blobs.mount("b", "a", name));
    BOOST_TEST(blobs.mount("b", "b", name));
}

// What cannot be stored must not be visible, whichever step failed.
BOOST_FIXTURE_TEST_CASE(push_that_fails_leaves_no_blob_in_the_repository, fixture) {
    BOOST_CHECK_THROW(blobs.add("a", name, "no-such-file", 1), error);
    BOOST_TEST(!blobs.find("a", name).has_value());
    dir.write("repositories", "in the way");
    BOOST_CHECK_THROW(add("a"), error);
    fs::remove(dir.path() / "repositories");
    BOOST_TEST(!blobs.find("a", name).has_value());
    add("a");
    BOOST_TEST(bytes_of("a") == content);
}

BOOST_AUTO_TEST_SUITE_END()
