#include "server/upload_store.hpp"

#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_upload_store)

using namespace tarpon;
using namespace tarpon::server;
using test::temp_dir;
namespace fs = std::filesystem;
using take_result = upload_store::take_result;

struct fixture {
    temp_dir dir;
    folder root{dir.path().string()};
    blob_store blobs{root};
    std::optional<upload_store> uploads{std::in_place, root, blobs};

    void restart(upload_limits limits = {}) { uploads.emplace(root, blobs, limits); }
    fs::path session(const std::string& id) { return dir.path() / "uploads" / id; }
    std::string begin_with(
        std::string_view text, const std::string& repository = "a", const std::string& user = {}) {
        const auto lease = uploads->begin({repository, user});
        append(lease, text);
        return lease->id;
    }
    static void append(const upload_store::lease& lease, std::string_view text) {
        lease->append(std::as_bytes(std::span(text.data(), text.size())));
    }
    upload_store::lease taken(
        const std::string& id, const std::string& repository = "a", const std::string& user = {}) {
        upload_store::lease lease;
        BOOST_TEST((uploads->take(id, {repository, user}, lease) == take_result::taken));
        BOOST_REQUIRE(lease);
        return lease;
    }
    bool unknown(
        const std::string& id, const std::string& repository = "a", const std::string& user = {}) {
        upload_store::lease lease;
        return uploads->take(id, {repository, user}, lease) == take_result::unknown;
    }
    std::size_t sessions_on_disk() { return root.list("uploads").size(); }
    void make_old(const std::string& id, std::chrono::hours age = std::chrono::hours(25)) {
        fs::last_write_time(session(id) / "repository", fs::file_time_type::clock::now() - age);
    }
};

// Nobody can go on with what the server's own pushes began.
BOOST_FIXTURE_TEST_CASE(own_sessions_end_with_the_server, fixture) {
    const std::string ours = begin_with("ours", "a", std::string(own_uploads_user));
    const std::string theirs = begin_with("theirs", "a", "anna");
    restart();
    BOOST_TEST(unknown(ours, "a", std::string(own_uploads_user)));
    BOOST_TEST(sessions_on_disk() == 1u);
    BOOST_TEST(taken(theirs, "a", "anna")->offset() == 6u);
}

BOOST_FIXTURE_TEST_CASE(bytes_in_pieces_become_a_blob, fixture) {
    const std::string id = begin_with("hello ");
    BOOST_TEST(id.size() == 32u);
    auto lease = taken(id);
    BOOST_TEST(lease->offset() == 6u);
    append(lease, "world");
    BOOST_TEST(uploads->commit(std::move(lease), digest_of("hello world")));
    BOOST_TEST(blobs.find("a", digest_of("hello world")).value() == 11u);
    BOOST_TEST(unknown(id));
    BOOST_TEST(sessions_on_disk() == 0u);
}

BOOST_FIXTURE_TEST_CASE(sha512_is_computed_at_the_commit, fixture) {
    const digest name = digest_of("hello", digest::algorithm::sha512);
    BOOST_TEST(uploads->commit(taken(begin_with("hello")), name));
    BOOST_TEST(blobs.find("a", name).value() == 5u);
    BOOST_TEST(
        !uploads->commit(taken(begin_with("Hello")), digest_of("x", digest::algorithm::sha512)));
}

BOOST_FIXTURE_TEST_CASE(wrong_digest_ends_the_session_without_a_blob, fixture) {
    const std::string id = begin_with("hello");
    BOOST_TEST(!uploads->commit(taken(id), digest_of("other")));
    BOOST_TEST(!blobs.find("a", digest_of("other")).has_value());
    BOOST_TEST(!blobs.find("a", digest_of("hello")).has_value());
    BOOST_TEST(unknown(id));
    BOOST_TEST(sessions_on_disk() == 0u);
}

// CVE-2026-32589: an upload id is no key to another repository.
BOOST_FIXTURE_TEST_CASE(session_belongs_to_its_repository, fixture) {
    const std::string id = begin_with("hello", "team/app");
    for (const char* other : {"team", "team/app2", "team/app/x", "other"})
        BOOST_TEST(unknown(id, other), other);
    restart();
    for (const char* other : {"team", "team/app2", "team/app/x", "other"})
        BOOST_TEST(unknown(id, other), other);
    (void)taken(id, "team/app");
}

BOOST_FIXTURE_TEST_CASE(session_serves_one_request_at_a_time, fixture) {
    auto first = uploads->begin({"a"});
    const std::string id = first->id;
    upload_store::lease second;
    BOOST_TEST((uploads->take(id, {"a"}, second) == take_result::busy));
    BOOST_TEST(!second);
    first.reset();
    first = taken(id);
    BOOST_TEST((uploads->take(id, {"a"}, second) == take_result::busy));
}

// The bytes that were acknowledged are there, and the digest still covers all of them.
BOOST_FIXTURE_TEST_CASE(session_goes_on_after_a_restart, fixture) {
    const std::string large(700'000, 'x');
    const std::string id = begin_with(large);
    restart();
    auto lease = taken(id);
    BOOST_TEST(lease->offset() == large.size());
    append(lease, "tail");
    BOOST_TEST(uploads->commit(std::move(lease), digest_of(large + "tail")));
    BOOST_TEST(blobs.find("a", digest_of(large + "tail")).value() == large.size() + 4);
}

// Clients that build the same layer at the same time.
BOOST_FIXTURE_TEST_CASE(blob_pushed_by_many_at_once_is_one_file, fixture) {
    const std::string content(300'000, 'x');
    const digest name = digest_of(content);
    std::atomic<int> committed = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 6; ++i)
        clients.emplace_back([&, i] {
            for (int turn = 0; turn < 5; ++turn) {
                auto lease = uploads->begin({i % 2 == 0 ? "a" : "b"});
                append(lease, content);
                committed += uploads->commit(std::move(lease), name) ? 1 : 0;
            }
        });
    for (std::thread& client : clients)
        client.join();
    BOOST_TEST(committed == 30);
    for (const char* repository : {"a", "b"})
        BOOST_TEST(blobs.find(repository, name).value() == content.size());
    BOOST_TEST(test::read_file(dir.path() / blob_path(name)) == content);
    BOOST_TEST(root.list("blobs/sha256").size() == 1u);
    BOOST_TEST(sessions_on_disk() == 0u);
}

BOOST_FIXTURE_TEST_CASE(session_belongs_to_its_user, fixture) {
    const std::string id = begin_with("hello", "a", "alice"), anybodys = begin_with("hi");
    const auto look = [&] {
        BOOST_TEST(unknown(id));
        BOOST_TEST(unknown(id, "a", "bob"));
        BOOST_TEST(unknown(id, "b", "alice"));
        BOOST_TEST(unknown(anybodys, "a", "alice"));
        BOOST_TEST(taken(id, "a", "alice")->offset() == 5u);
        BOOST_TEST(taken(anybodys)->offset() == 2u);
    };
    look();
    restart();
    look();
}

// Bytes that were never synced are gone when the system goes down, whatever the file's length says.
BOOST_FIXTURE_TEST_CASE(session_of_an_earlier_boot_begins_anew, fixture) {
    const std::string id = begin_with("hello");
    std::string owner = test::read_file(session(id) / "repository");
    const std::size_t boot = owner.find('\n', owner.find('\n') + 1) + 1;
    BOOST_REQUIRE(owner.size() > boot + 8);
    owner[boot] = owner[boot] == '0' ? '1' : '0';
    dir.write("uploads/" + id + "/repository", owner);
    restart();
    auto lease = taken(id);
    BOOST_TEST(lease->offset() == 0u);
    BOOST_TEST(fs::file_size(session(id) / "data") == 0u);
    append(lease, "other");
    lease.reset();
    lease = taken(id); // known to this process by now
    BOOST_TEST(lease->offset() == 5u);
    BOOST_TEST(uploads->commit(std::move(lease), digest_of("other")));
}

// Ten thousand sessions must not need as many descriptors.
BOOST_FIXTURE_TEST_CASE(session_that_is_not_in_use_keeps_no_file_open, fixture) {
    const auto open_files = [] {
        return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
    };
    const auto before = open_files();
    std::vector<std::string> ids;
    for (int i = 0; i < 20; ++i)
        ids.push_back(begin_with("hello "));
    BOOST_TEST(open_files() == before);
    for (const std::string& id : ids)
        append(taken(id), "world");
    BOOST_TEST(open_files() == before);
    BOOST_TEST(uploads->commit(taken(ids.front()), digest_of("hello world")));
}

BOOST_FIXTURE_TEST_CASE(repository_is_busy_while_something_is_uploaded_to_it, fixture) {
    using std::chrono::seconds;
    BOOST_TEST(!uploads->busy("a", seconds(60)));
    {
        const auto lease = uploads->begin({"a"});
        BOOST_TEST(uploads->busy("a", seconds(0)));
        BOOST_TEST(!uploads->busy("b", seconds(0)));
    }
    BOOST_TEST(!uploads->busy("a", seconds(0)));
    BOOST_TEST(uploads->busy("a", seconds(60))); // there may be another layer coming
    restart();
    BOOST_TEST(uploads->busy("a", seconds(60)));
}

// A power loss may leave zeros where the length was written but the bytes were not.
BOOST_FIXTURE_TEST_CASE(bytes_lost_before_a_restart_are_found_at_the_commit, fixture) {
    const std::string id = begin_with("hello");
    dir.write("uploads/" + id + "/data", std::string("he\0\0\0", 5));
    restart();
    auto lease = taken(id);
    BOOST_TEST(lease->offset() == 5u);
    BOOST_TEST(!uploads->commit(std::move(lease), digest_of("hello")));
    BOOST_TEST(!blobs.find("a", digest_of("hello")).has_value());
}

// A write that the disk cut short leaves bytes behind that nobody counted.
BOOST_FIXTURE_TEST_CASE(uncounted_tail_is_cut_off_at_the_commit, fixture) {
    auto lease = uploads->begin({"a"});
    append(lease, "hello");
    fs::resize_file(session(lease->id) / "data", 100);
    BOOST_TEST(uploads->commit(std::move(lease), digest_of("hello")));
    BOOST_TEST(blobs.find("a", digest_of("hello")).value() == 5u);
}

BOOST_FIXTURE_TEST_CASE(dropped_session_is_gone_from_memory_and_disk, fixture) {
    const std::string id = begin_with("hello");
    uploads->drop(taken(id));
    BOOST_TEST(unknown(id));
    BOOST_TEST(sessions_on_disk() == 0u);
    restart();
    BOOST_TEST(unknown(id));
}

// Its hash is used up, and a sync that failed must not be tried again: the client starts over.
BOOST_FIXTURE_TEST_CASE(commit_that_cannot_be_stored_ends_the_session, fixture) {
    const std::string id = begin_with("hello");
    dir.write("blobs", "in the way");
    BOOST_CHECK_THROW(uploads->commit(taken(id), digest_of("hello")), error);
    BOOST_TEST(unknown(id));
    BOOST_TEST(sessions_on_disk() == 0u);
    fs::remove(dir.path() / "blobs");
    BOOST_TEST(uploads->commit(taken(begin_with("hello")), digest_of("hello")));
}

BOOST_FIXTURE_TEST_CASE(sessions_end_after_their_life, fixture) {
    const std::string old = begin_with("old"), young = begin_with("young"),
                      used = begin_with("used");
    const auto lease = taken(used);
    make_old(old);
    make_old(used);
    uploads->remove_expired();
    BOOST_TEST(unknown(old));
    BOOST_TEST(!fs::exists(session(old)));
    (void)taken(young);
    BOOST_TEST(fs::exists(session(used) / "data")); // under way: not taken from under a request
}

// Nobody asks again for what a client left behind before the server was restarted.
BOOST_FIXTURE_TEST_CASE(sessions_of_an_earlier_process_end_too, fixture) {
    const std::string old = begin_with("old"), young = begin_with("young");
    make_old(old);
    restart();
    BOOST_TEST(sessions_on_disk() == 1u);
    make_old(young);
    uploads->remove_expired();
    BOOST_TEST(sessions_on_disk() == 0u);
    BOOST_TEST(unknown(young));
}

// What a crash left between two steps can never be finished.
BOOST_FIXTURE_TEST_CASE(sessions_without_their_files_are_removed_at_the_start, fixture) {
    const std::string no_data = begin_with("x"), no_owner = begin_with("y"),
                      whole = begin_with("z");
    fs::remove(session(no_data) / "data");
    fs::remove(session(no_owner) / "repository");
    restart();
    BOOST_TEST(sessions_on_disk() == 1u);
    BOOST_TEST(unknown(no_data));
    BOOST_TEST(unknown(no_owner));
    (void)taken(whole);
}

BOOST_FIXTURE_TEST_CASE(too_many_sessions_refused_without_a_trace, fixture) {
    restart({.sessions_max = 2});
    const auto first = uploads->begin({"a"});
    auto second = uploads->begin({"a"});
    const auto is_refusal = [](const error& e) {
        return e.code() == errc::registry_refused;
    };
    BOOST_CHECK_EXCEPTION(uploads->begin({"a"}), error, is_refusal);
    BOOST_TEST(sessions_on_disk() == 2u);
    uploads->drop(std::move(second));
    BOOST_CHECK_NO_THROW(uploads->begin({"a"}));
}

BOOST_FIXTURE_TEST_CASE(sessions_of_an_earlier_process_count_too, fixture) {
    (void)begin_with("a");
    (void)begin_with("b");
    restart({.sessions_max = 2});
    BOOST_CHECK_THROW(uploads->begin({"a"}), error);
}

BOOST_FIXTURE_TEST_CASE(one_user_cannot_take_all_sessions, fixture) {
    restart({.sessions_max = 10, .sessions_per_user_max = 2});
    (void)begin_with("1", "a", "alice");
    (void)begin_with("2", "b", "alice");
    BOOST_CHECK_THROW(uploads->begin({"c", "alice"}), error);
    BOOST_CHECK_NO_THROW(uploads->begin({"c", "bob"}));
    for (int i = 0; i < 7; ++i) // those without a name are not one user
        BOOST_CHECK_NO_THROW(uploads->begin({"c"}));
    BOOST_CHECK_THROW(uploads->begin({"c"}), error);
}

BOOST_FIXTURE_TEST_CASE(link_in_the_place_of_the_data_is_not_followed, fixture) {
    const temp_dir elsewhere;
    const std::string secret = elsewhere.write("secret", "secret");
    const std::string id = begin_with("hello");
    fs::remove(session(id) / "data");
    fs::create_symlink(secret, session(id) / "data");
    restart(); // not a regular file: as if it were not there
    BOOST_TEST(unknown(id));
    BOOST_TEST(test::read_file(secret) == "secret");
}

BOOST_AUTO_TEST_SUITE_END()
