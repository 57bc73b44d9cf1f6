// What is remembered, for whom, and that nothing that happens to it is anybody's failure.
#include "state/state_store.hpp"

#include "model/hasher.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_state_store)

namespace fs = std::filesystem;
using namespace tarpon;
using namespace tarpon::state;
using tarpon::test::temp_dir;

const digest plain = digest_of("plain"), packed = digest_of("packed");
const descriptor content{{}, packed, 42};
const layer_key gzip{plain, "gzip-1"};
const upload_key upload{{"host:5000", "team/app"}, "gzip-1 x"};

struct scene {
    temp_dir dir;
    std::string folder() const { return (dir.path() / "state").string(); }
    std::string file() const { return folder() + "/state.db"; }
    state_store open() const { return state_store(folder()); }
};

/// In a process of its own, which then ends without a farewell.
template <class Work>
void in_a_process_that_dies(Work work) {
    const pid_t child = fork();
    if (child == 0) {
        work();
        _exit(0);
    }
    int status = -1;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    BOOST_REQUIRE(status == 0);
}

BOOST_AUTO_TEST_CASE(layers_by_content_and_recipe) {
    scene s;
    s.open().remember_layer(gzip, content);
    auto store = s.open();
    const auto found = store.find_layer(gzip);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST((found->digest == packed));
    BOOST_TEST(found->size == 42u);
    BOOST_TEST(!store.find_layer({plain, "gzip-9"}).has_value());
    BOOST_TEST(!store.find_layer({packed, "gzip-1"}).has_value());
    BOOST_TEST(store.trouble().empty());
}

BOOST_AUTO_TEST_CASE(places_by_host) {
    scene s;
    auto store = s.open();
    store.remember_places(packed, {{"host", "a"}, {"host", "b"}, {"other", "c"}});
    BOOST_TEST((store.repositories_with("host", packed) == std::vector<std::string>{"a", "b"}));
    BOOST_TEST((store.repositories_with("other", packed) == std::vector<std::string>{"c"}));
    BOOST_TEST(store.repositories_with("host", plain).empty());
}

BOOST_AUTO_TEST_CASE(an_upload_is_taken_from_who_died_and_from_nobody_else) {
    scene s;
    in_a_process_that_dies([&] { s.open().keep_upload(upload, "http://host:5000/v2/x?_state=1"); });
    auto store = s.open();
    BOOST_TEST(store.take_upload(upload).value_or("") == "http://host:5000/v2/x?_state=1");
    // It is ours now, and we live.
    BOOST_TEST(!s.open().take_upload(upload).has_value());
    in_a_process_that_dies([&] {
        auto other = s.open();
        if (other.take_upload(upload))
            _exit(1);
        // Theirs is not written over ours.
        other.keep_upload(upload, "http://host:5000/v2/theirs");
        other.forget_upload(upload);
    });
    store.keep_upload(upload, "http://host:5000/v2/moved");
    store.forget_upload(upload);
    BOOST_TEST(!store.take_upload(upload).has_value());
}

BOOST_AUTO_TEST_CASE(a_damaged_file_is_made_anew) {
    scene s;
    s.open().remember_layer(gzip, content);
    std::ofstream(s.file()) << std::string(8192, 'x');
    auto store = s.open();
    BOOST_TEST(!store.find_layer(gzip).has_value());
    store.remember_layer(gzip, content);
    BOOST_TEST(store.find_layer(gzip).has_value());
}

BOOST_AUTO_TEST_CASE(a_damaged_file_that_others_use_is_left_to_them) {
    scene s;
    auto user = s.open();
    std::ofstream(s.file()) << std::string(8192, 'x');
    auto store = s.open();
    store.remember_layer(gzip, content);
    BOOST_TEST(!store.find_layer(gzip).has_value());
    BOOST_TEST(!store.trouble().empty());
}

BOOST_AUTO_TEST_CASE(damage_at_any_place_is_nobodys_failure) {
    scene s;
    {
        auto store = s.open();
        for (int i = 0; i < 200; ++i) {
            store.remember_places(packed, {{"host", std::to_string(i)}});
            store.remember_layer({digest_of(std::to_string(i)), "gzip-1"}, content);
        }
    }
    std::ifstream in(s.file(), std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    BOOST_REQUIRE(whole.size() > 4096);
    for (std::size_t at = 0; at < whole.size(); at += 509) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
        std::ofstream(s.file(), std::ios::binary | std::ios::trunc) << damaged;
        auto store = s.open();
        (void)store.find_layer(gzip);
        (void)store.repositories_with("host", packed);
        store.remember_layer(gzip, content);
        (void)store.take_upload(upload);
    }
}

// Damage that opening does not see is found when the page is wanted; then the next run begins anew.
BOOST_AUTO_TEST_CASE(damage_found_later_does_not_last) {
    scene s;
    {
        auto store = s.open();
        store.remember_places(packed, {{"host", "a"}});
        store.remember_layer(gzip, content);
    }
    std::fstream file(s.file(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(4096);
    file << std::string(fs::file_size(s.file()) - 4096, '\xee') << std::flush;
    {
        auto store = s.open();
        BOOST_TEST(!store.find_layer(gzip).has_value());
        store.remember_layer(gzip, content);
    }
    s.open().remember_layer(gzip, content);
    BOOST_TEST(s.open().find_layer(gzip).has_value());
}

// Every call would wait again: whoever finds it locked for long goes on without.
BOOST_AUTO_TEST_CASE(locked_for_long_is_waited_for_once) {
    scene s;
    auto store = s.open();
    database other(s.file());
    other.execute("BEGIN EXCLUSIVE");
    BOOST_TEST(!store.find_layer(gzip).has_value());
    BOOST_TEST(store.trouble().find("locked") != std::string::npos, store.trouble());
    other.execute("ROLLBACK");
    store.remember_layer(gzip, content);
    BOOST_TEST(!store.find_layer(gzip).has_value()); // not in this run
    s.open().remember_layer(gzip, content);
    BOOST_TEST(s.open().find_layer(gzip).has_value());
}

BOOST_AUTO_TEST_CASE(a_file_of_another_version_is_made_anew) {
    scene s;
    s.open().remember_layer(gzip, content);
    database(s.file()).execute("PRAGMA user_version=99");
    BOOST_TEST(!s.open().find_layer(gzip).has_value());
    s.open().remember_layer(gzip, content);
    BOOST_TEST(s.open().find_layer(gzip).has_value());
}

BOOST_AUTO_TEST_CASE(tables_that_are_missing_are_made) {
    scene s;
    s.open().remember_layer(gzip, content);
    database(s.file()).execute("DROP TABLE upload");
    auto store = s.open();
    BOOST_TEST(store.trouble().empty(), store.trouble());
    BOOST_TEST(store.find_layer(gzip).has_value());
    BOOST_TEST(store.keep_upload(upload, "/somewhere"));
}

// Whoever only looks needs no lock that others hold.
BOOST_AUTO_TEST_CASE(opening_writes_nothing) {
    scene s;
    s.open().remember_layer(gzip, content);
    database other(s.file());
    const transaction writing(other);
    auto store = s.open();
    BOOST_TEST(store.find_layer(gzip).has_value(), store.trouble());
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_made_is_told_and_no_failure) {
    scene s;
    std::ofstream(s.dir.path() / "state") << "a file";
    auto store = s.open();
    BOOST_TEST(!store.trouble().empty());
    store.remember_layer(gzip, content);
    store.keep_upload(upload, "x");
    BOOST_TEST(!store.find_layer(gzip).has_value());
    BOOST_TEST(!store.take_upload(upload).has_value());
}

BOOST_AUTO_TEST_CASE(deleted_under_way_is_no_failure) {
    scene s;
    auto store = s.open();
    fs::remove_all(s.folder());
    store.remember_layer(gzip, content);
    (void)store.find_layer(gzip);
    BOOST_TEST(s.open().repositories_with("host", packed).empty());
}

BOOST_AUTO_TEST_CASE(many_processes_write_at_once) {
    scene s;
    (void)s.open();
    std::vector<pid_t> children;
    for (int child = 0; child < 6; ++child) {
        const pid_t pid = fork();
        if (pid == 0) {
            auto store = s.open();
            for (int i = 0; i < 30; ++i) {
                store.remember_places(packed, {{"host", "r"}});
                store.remember_layer(
                    {digest_of(std::to_string(child * 100 + i)), "gzip-1"}, content);
            }
            _exit(0);
        }
        children.push_back(pid);
    }
    for (const pid_t pid : children)
        BOOST_REQUIRE(waitpid(pid, nullptr, 0) == pid);
    {
        database db(s.file());
        statement check(db, "PRAGMA integrity_check");
        BOOST_REQUIRE(check.step());
        BOOST_TEST(check.text(0) == "ok");
        statement count(db, "SELECT count(*) FROM layer");
        BOOST_REQUIRE(count.step());
        BOOST_TEST(count.number(0) > 0);
    }
    // Who waited too long for the others wrote nothing, and went on; afterwards all is as ever.
    s.open().remember_layer(gzip, content);
    BOOST_TEST(s.open().find_layer(gzip).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
