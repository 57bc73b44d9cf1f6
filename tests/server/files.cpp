#include "server/files.hpp"

#include "support/bytes.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <csignal>
#include <unistd.h>

namespace {

/// What the code under test asked of the disk, in order, while a test listens.
struct disk_log {
    std::vector<std::string> calls;
    bool syncs_fail = false;
};
disk_log* listening = nullptr;

} // namespace

// They take the place of libc's in this executable.
extern "C" int fsync(int fd) {
    struct stat info {};
    ::fstat(fd, &info);
    const bool is_folder = S_ISDIR(info.st_mode);
    if (listening) {
        listening->calls.push_back(is_folder ? "sync folder" : "sync file");
        if (listening->syncs_fail && !is_folder) {
            errno = EIO;
            return -1;
        }
    }
    return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int renameat(int from_fd, const char* from, int to_fd, const char* to) noexcept {
    if (listening)
        listening->calls.push_back("rename");
    return static_cast<int>(::syscall(SYS_renameat, from_fd, from, to_fd, to));
}

BOOST_AUTO_TEST_SUITE(test_files)

using namespace tarpon;
using namespace tarpon::server;
using test::bytes_of;
using test::read_file;
using test::temp_dir;
namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& path) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
}

bool is_storage_error(const error& e) {
    return e.code() == errc::storage;
}

/// No file of this process may grow beyond `bytes` while it lives: a full disk, without one.
class short_disk {
public:
    explicit short_disk(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        const rlimit small{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~short_disk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    short_disk(const short_disk&) = delete;
    short_disk& operator=(const short_disk&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int) = SIG_DFL;
};

BOOST_AUTO_TEST_CASE(folder_is_made_once_and_for_its_owner_only) {
    const temp_dir dir;
    const std::string path = (dir.path() / "store").string();
    const folder made(path);
    const folder again(path);
    struct stat info {};
    BOOST_REQUIRE(::stat(path.c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777) == 0700u);
}

BOOST_AUTO_TEST_CASE(folder_that_cannot_be_used_is_an_error) {
    const temp_dir dir;
    dir.write("file", "x");
    BOOST_CHECK_EXCEPTION(folder((dir.path() / "file").string()), error, is_storage_error);
    BOOST_CHECK_EXCEPTION(folder((dir.path() / "no" / "such").string()), error, is_storage_error);
}

/// Listens for as long as it lives.
struct disk_listener : disk_log {
    disk_listener() { listening = this; }
    ~disk_listener() { listening = nullptr; }
};

// A crash between any two of these leaves the old file or the new one.
BOOST_AUTO_TEST_CASE(atomic_write_syncs_the_file_then_renames_then_syncs_the_folder) {
    const temp_dir dir;
    const folder root(dir.path().string());
    disk_listener disk;
    root.write_atomically("name", "x");
    const std::vector<std::string> expected{"sync file", "rename", "sync folder"};
    BOOST_TEST(disk.calls == expected, boost::test_tools::per_element());
    disk.calls.clear();
    root.write_atomically("a/b/name", "x"); // each new folder is durable before what is in it
    const std::vector<std::string> deeper{
        "sync file", "sync folder", "sync folder", "rename", "sync folder"};
    BOOST_TEST(disk.calls == deeper, boost::test_tools::per_element());
}

// The kernel drops the pages of a sync that failed: asking again would be told that all is well.
BOOST_AUTO_TEST_CASE(sync_that_fails_is_final) {
    const temp_dir dir;
    const folder root(dir.path().string());
    root.write_atomically("name", "old");
    disk_listener disk;
    disk.syncs_fail = true;
    BOOST_CHECK_EXCEPTION(root.write_atomically("name", "new"), error, is_storage_error);
    BOOST_TEST(
        disk.calls == std::vector<std::string>{"sync file"}, boost::test_tools::per_element());
    BOOST_TEST(read_file(dir.path() / "name") == "old");
    BOOST_TEST(names_in(dir.path()).size() == 1u);
    // From now on a sync that succeeds proves nothing.
    disk.syncs_fail = false;
    disk.calls.clear();
    BOOST_CHECK_EXCEPTION(root.write_atomically("other", "x"), error, is_storage_error);
    BOOST_CHECK_EXCEPTION(root.remove_durably("name"), error, is_storage_error);
    BOOST_CHECK_EXCEPTION((void)root.open_for_writing("name"), error, is_storage_error);
    BOOST_TEST(disk.calls.empty());
    BOOST_TEST(names_in(dir.path()).size() == 1u);
    BOOST_TEST(root.read("name", 10).value() == "old");          // who pulls is still served
    folder(dir.path().string()).write_atomically("name", "new"); // as after a restart
    BOOST_TEST(root.read("name", 10).value() == "new");
}

// Content and name appear together; the file that was there is replaced as a whole.
BOOST_AUTO_TEST_CASE(atomic_write_makes_parents_and_leaves_nothing_else) {
    const temp_dir dir;
    const folder root(dir.path().string());
    root.write_atomically("a/b/c", "one");
    root.write_atomically("a/b/c", "two!");
    BOOST_TEST(root.read("a/b/c", 100).value() == "two!");
    BOOST_TEST(
        names_in(dir.path()) == std::vector<std::string>{"a"}, boost::test_tools::per_element());
    struct stat info {};
    BOOST_REQUIRE(::stat((dir.path() / "a/b/c").c_str(), &info) == 0);
    BOOST_TEST((info.st_mode & 0777) == 0600u);
}

BOOST_AUTO_TEST_CASE(full_disk_keeps_the_old_content_and_no_temporary) {
    const temp_dir dir;
    const folder root(dir.path().string());
    root.write_atomically("name", "old");
    root.replace("index", "old");
    const std::string large(100'000, 'x');
    {
        const short_disk full(10'000);
        BOOST_CHECK_EXCEPTION(root.write_atomically("name", large), error, is_storage_error);
        BOOST_CHECK_EXCEPTION(root.replace("index", large), error, is_storage_error);
    }
    BOOST_TEST(read_file(dir.path() / "name") == "old");
    BOOST_TEST(read_file(dir.path() / "index") == "old");
    BOOST_TEST(names_in(dir.path()).size() == 2u);
}

BOOST_AUTO_TEST_CASE(write_at_says_when_the_disk_is_full) {
    const temp_dir dir;
    const folder root(dir.path().string());
    const file out = root.create("data");
    const short_disk full(10'000);
    out.write_at(0, bytes_of(std::string(10'000, 'x')));
    BOOST_CHECK_EXCEPTION(out.write_at(10'000, bytes_of("y")), error, is_storage_error);
    BOOST_TEST(out.size() == 10'000u);
}

// A name that a folder has already cannot become a file; the temporary must not stay behind.
BOOST_AUTO_TEST_CASE(rename_that_fails_leaves_no_temporary) {
    const temp_dir dir;
    const folder root(dir.path().string());
    fs::create_directories(dir.path() / "taken" / "x");
    BOOST_CHECK_EXCEPTION(root.write_atomically("taken", "x"), error, is_storage_error);
    BOOST_CHECK_EXCEPTION(root.replace("taken", "x"), error, is_storage_error);
    BOOST_TEST(names_in(dir.path()).size() == 1u);
}

BOOST_AUTO_TEST_CASE(absent_files_are_no_error) {
    const temp_dir dir;
    const folder root(dir.path().string());
    dir.write("file", "x");
    for (const char* name : {"none", "no/such", "file/below"}) {
        BOOST_TEST(!root.open(name));
        BOOST_TEST(!root.open_for_writing(name));
        BOOST_TEST(!root.size_of(name));
        BOOST_TEST(!root.changed_at(name));
        BOOST_TEST(!root.read(name, 10));
    }
    BOOST_TEST(root.list("none").empty());
    BOOST_CHECK_NO_THROW(root.remove("none"));
    BOOST_CHECK_NO_THROW(root.remove_tree("none"));
}

// Whoever can write into the folder must not make the registry serve or change other files.
BOOST_AUTO_TEST_CASE(links_are_never_followed) {
    const temp_dir dir, elsewhere;
    const std::string secret = elsewhere.write("secret", "secret");
    const folder root(dir.path().string());
    fs::create_symlink(secret, dir.path() / "link");
    fs::create_symlink(dir.path() / "none", dir.path() / "dangling");
    fs::create_directory_symlink(elsewhere.path(), dir.path() / "folder");
    for (const char* name : {"link", "dangling"}) {
        BOOST_CHECK_EXCEPTION(root.open(name), error, is_storage_error);
        BOOST_CHECK_EXCEPTION(root.open_for_writing(name), error, is_storage_error);
        BOOST_CHECK_EXCEPTION(root.create(name), error, is_storage_error);
        BOOST_CHECK_EXCEPTION(root.read(name, 100), error, is_storage_error);
        BOOST_TEST(!root.size_of(name));
    }
    BOOST_TEST(!fs::exists(dir.path() / "none"));
    BOOST_TEST(root.list("folder").empty());
    root.write_atomically("link", "ours"); // takes the place of the link
    BOOST_TEST(read_file(secret) == "secret");
    BOOST_TEST(root.read("link", 100).value() == "ours");
    fs::create_directory(dir.path() / "tree");
    fs::create_directory_symlink(elsewhere.path(), dir.path() / "tree" / "out");
    root.remove_tree("tree");
    BOOST_TEST(fs::exists(secret));
    BOOST_TEST(!fs::exists(dir.path() / "tree"));
}

BOOST_AUTO_TEST_CASE(only_regular_files_are_opened) {
    const temp_dir dir;
    const folder root(dir.path().string());
    BOOST_REQUIRE(::mkfifo((dir.path() / "fifo").c_str(), 0600) == 0);
    fs::create_directory(dir.path() / "sub");
    for (const char* name : {"fifo", "sub"}) {
        BOOST_CHECK_EXCEPTION(root.open(name), error, is_storage_error);
        BOOST_CHECK_EXCEPTION(root.open_for_writing(name), error, is_storage_error);
        BOOST_TEST(!root.size_of(name));
    }
}

BOOST_AUTO_TEST_CASE(read_is_bounded) {
    const temp_dir dir;
    const folder root(dir.path().string());
    root.write_atomically("x", "12345");
    BOOST_TEST(root.read("x", 5).value() == "12345");
    BOOST_CHECK_EXCEPTION(root.read("x", 4), error, is_storage_error);
}

BOOST_AUTO_TEST_CASE(file_reads_and_writes_at_offsets) {
    const temp_dir dir;
    const folder root(dir.path().string());
    file out = root.create("x");
    out.write_at(0, bytes_of("hello world"));
    out.write_at(6, bytes_of("tarpon"));
    out.truncate(9);
    out.sync();
    BOOST_TEST(out.size() == 9u);
    std::string piece(100, '\0');
    const std::size_t got = out.read_at(6, std::as_writable_bytes(std::span(piece)));
    BOOST_TEST(piece.substr(0, got) == "tar");
    BOOST_TEST(out.read_at(9, std::as_writable_bytes(std::span(piece))) == 0u);
    const file moved = std::move(out);
    BOOST_TEST(moved.size() == 9u);
}

BOOST_AUTO_TEST_CASE(list_tells_files_from_folders) {
    const temp_dir dir;
    const folder root(dir.path().string());
    root.write_atomically("sub/file", "x");
    root.write_atomically("sub/deeper/file", "x");
    std::map<std::string, bool> seen;
    for (const auto& entry : root.list("sub"))
        seen[entry.name] = entry.is_folder;
    BOOST_TEST(seen.size() == 2u);
    BOOST_TEST(seen.at("deeper"));
    BOOST_TEST(!seen.at("file"));
}

// Process ids come back, in containers after every restart: names that are taken would stop a
// server.
BOOST_AUTO_TEST_CASE(temporaries_of_a_killed_process_are_removed) {
    const temp_dir dir;
    const folder root(dir.path().string());
    dir.write(".tmp-1-0", "x");
    dir.write(".tmp-77-12", "x");
    dir.write("index.json", "x");
    fs::create_directory(dir.path() / ".tmp-folder");
    root.remove_temporaries();
    BOOST_TEST(names_in(dir.path()).size() == 2u);
    BOOST_TEST(fs::exists(dir.path() / "index.json"));
}

BOOST_AUTO_TEST_CASE(lock_belongs_to_one) {
    const temp_dir dir;
    std::optional<folder> first(std::in_place, dir.path().string());
    folder second(dir.path().string());
    BOOST_TEST(first->try_lock(".lock"));
    BOOST_TEST(!second.try_lock(".lock"));
    first.reset();
    BOOST_TEST(second.try_lock(".lock"));
}

BOOST_AUTO_TEST_SUITE_END()
