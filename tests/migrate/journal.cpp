// The journal: what was written is there in the next run, what changed is noticed, what is wrong is
// said and left alone.
#include "migrate/journal.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(test_journal)

using namespace tarpon;
using namespace tarpon::migration;
using tarpon::test::temp_dir;

struct scene {
    temp_dir dir;
    const std::string path = (dir.path() / "sub" / "journal.db").string();
    const file_stamp file{"/images/a.tar", 1000, 77};
    const digest pushed = digest_of("manifest");

    journal_image image(const std::string& reference = "r.example/app:1") const {
        return {reference, file.path, "config sha256:1", "gzip", {}};
    }
    /// Archive begun, its image done, and the archive too.
    void do_all(journal& in) const {
        journal_image done = image();
        in.write({archive_begun{file, "settings"}, image_planned{done}});
        done.digest = pushed;
        in.write({image_is_done{done}, archive_is_done{file.path, digest_of("file")}});
    }
};

/// What opening it throws.
error refusal(const std::string& path, const std::string& destination) {
    try {
        const journal opened(path, destination);
    } catch (const error& e) {
        return e;
    }
    throw std::runtime_error("it was opened");
}

BOOST_AUTO_TEST_CASE(what_was_done_is_known_to_the_next_run) {
    const scene s;
    {
        journal first(s.path, "r.example");
        BOOST_TEST(!first.find_done(s.file, "settings"));
        BOOST_TEST(!first.find_done(s.image()));
        s.do_all(first);
    }
    journal second(s.path, "r.example");
    const auto archive = second.find_done(s.file, "settings");
    BOOST_REQUIRE(archive);
    BOOST_TEST(archive->content == digest_of("file"));
    BOOST_REQUIRE(archive->images.size() == 1u);
    BOOST_TEST(archive->images[0].reference == "r.example/app:1");
    BOOST_TEST(archive->images[0].digest == s.pushed);
    const auto image = second.find_done(s.image());
    BOOST_REQUIRE(image);
    BOOST_TEST(*image == s.pushed);
}

BOOST_AUTO_TEST_CASE(a_planned_image_is_not_done) {
    const scene s;
    journal one(s.path, "r.example");
    one.write({archive_begun{s.file, "settings"}, image_planned{s.image()}});
    BOOST_TEST(!one.find_done(s.image()));
    BOOST_TEST(!one.find_done(s.file, "settings"));
    one.write({image_failed{"r.example/app:1", s.file.path, "refused"}});
    BOOST_TEST(!one.find_done(s.image()));
    one.write({archive_is_done{s.file.path, {}}}); // although an image of it is not
    BOOST_TEST(!one.find_done(s.file, "settings"));
}

BOOST_AUTO_TEST_CASE(whatever_changed_is_not_done) {
    const scene s;
    journal one(s.path, "r.example");
    s.do_all(one);
    file_stamp longer = s.file, later = s.file;
    ++longer.size;
    ++later.mtime_ns;
    BOOST_TEST(!one.find_done(longer, "settings"));
    BOOST_TEST(!one.find_done(later, "settings"));
    BOOST_TEST(!one.find_done(s.file, "other settings"));
    journal_image other = s.image();
    other.identity = "config sha256:2";
    BOOST_TEST(!one.find_done(other));
    other = s.image();
    other.settings = "zstd";
    BOOST_TEST(!one.find_done(other));
    other = s.image();
    other.identity.clear(); // not known: cannot be the same
    BOOST_TEST(!one.find_done(other));
    // An archive that was only touched holds an image that is done.
    one.write({archive_begun{later, "settings"}});
    BOOST_TEST(one.find_done(s.image()).has_value());
}

BOOST_AUTO_TEST_CASE(a_reference_has_one_image) {
    const scene s;
    journal one(s.path, "r.example");
    s.do_all(one);
    journal_image taken = s.image();
    taken.archive = "/images/b.tar";
    taken.identity = "config sha256:2";
    taken.digest = digest_of("other");
    one.write({image_is_done{taken}});
    BOOST_TEST(!one.find_done(s.image()));
    BOOST_TEST(!one.find_done(s.file, "settings")); // whose reference it was
}

BOOST_AUTO_TEST_CASE(the_same_image_in_two_archives_is_done_in_both) {
    const scene s;
    journal one(s.path, "r.example");
    s.do_all(one);
    const file_stamp copy{"/images/b.tar", 5, 6};
    journal_image same = s.image();
    same.archive = copy.path;
    same.digest = s.pushed;
    one.write(
        {archive_begun{copy, "settings"}, image_is_done{same}, archive_is_done{copy.path, {}}});
    BOOST_TEST(one.find_done(s.file, "settings").has_value());
    BOOST_TEST(one.find_done(copy, "settings").has_value());
    BOOST_TEST(one.find_done(copy, "settings")->images.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_only_planned_undoes_nothing) {
    const scene s;
    journal one(s.path, "r.example");
    s.do_all(one);
    journal_image other = s.image();
    other.archive = "/images/b.tar";
    other.identity = "config sha256:2";
    BOOST_TEST(one.replaces(other));
    BOOST_TEST(!one.replaces(s.image()));
    one.write({archive_begun{{other.archive, 1, 1}, "settings"}, image_planned{other}});
    one.write({image_failed{other.reference, other.archive, "contested"}});
    BOOST_TEST(one.find_done(s.file, "settings").has_value());
    BOOST_TEST(one.find_done(s.image()).has_value());
    one.write({image_begun{other}}); // killed before or after its tag is there: who knows
    BOOST_TEST(!one.find_done(s.file, "settings"));
    BOOST_TEST(!one.find_done(s.image()));
    BOOST_TEST(!one.find_done(other));
}

BOOST_AUTO_TEST_CASE(images_without_a_tag_share_their_repository) {
    const scene s;
    journal one(s.path, "localhost:5000");
    journal_image left = s.image("localhost:5000/app"), right = left;
    right.identity = "sha256:2";
    left.digest = s.pushed;
    right.digest = digest_of("other");
    one.write({image_is_done{left}, image_is_done{right}});
    BOOST_TEST((one.find_done(left) == s.pushed));
    BOOST_TEST((one.find_done(right) == digest_of("other")));
}

BOOST_AUTO_TEST_CASE(records_are_written_together_or_not_at_all) {
    const scene s;
    journal one(s.path, "r.example");
    s.do_all(one);
    {
        state::database direct(s.path);
        direct.execute(
            "CREATE TRIGGER no BEFORE INSERT ON image WHEN NEW.reference = 'r.example/x:2' "
            "BEGIN SELECT RAISE(ABORT, 'full'); END");
    }
    journal_image first = s.image("r.example/x:1"), second = s.image("r.example/x:2");
    first.digest = second.digest = s.pushed;
    BOOST_CHECK_EXCEPTION(
        one.write({image_is_done{first}, image_is_done{second}}), error,
        [](const error& e) { return e.code() == errc::storage && e.cause() == "full"; });
    BOOST_TEST(!one.find_done(first));
}

BOOST_AUTO_TEST_CASE(one_run_at_a_time) {
    const scene s;
    const journal first(s.path, "r.example");
    const error e = refusal(s.path, "r.example");
    BOOST_TEST(e.code() == errc::usage);
    BOOST_TEST(e.message().find(s.path) != std::string::npos);
    BOOST_TEST(e.hint().find("--journal") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_link_to_it_is_the_same_journal) {
    const scene s;
    const journal first(s.path, "r.example");
    const std::string link = (s.dir.path() / "link.db").string();
    std::filesystem::create_symlink(s.path, link);
    BOOST_TEST(refusal(link, "r.example").code() == errc::usage);
}

BOOST_AUTO_TEST_CASE(a_plan_only_looks_into_it) {
    const scene s;
    BOOST_TEST(!journal::look_into(s.path, "r.example"));
    BOOST_TEST(!std::filesystem::exists(s.dir.path() / "sub"));
    journal running(s.path, "r.example");
    s.do_all(running);
    const auto other = journal::look_into(s.path, "r.example");
    BOOST_REQUIRE(other);
    BOOST_TEST(other->find_done(s.image()).has_value());
    BOOST_CHECK_THROW(other->write({image_planned{s.image()}}), error);
    BOOST_CHECK_THROW(journal::look_into(s.path, "r.example/b"), error);
}

BOOST_AUTO_TEST_CASE(another_destination_has_another_journal) {
    const scene s;
    { const journal first(s.path, "r.example/a"); }
    const error e = refusal(s.path, "r.example/b");
    BOOST_TEST(e.code() == errc::usage);
    BOOST_TEST(e.message().find("r.example/a") != std::string::npos);
    { const journal again(s.path, "r.example/a"); }
}

BOOST_AUTO_TEST_CASE(a_shard_is_of_the_archives_it_began_with) {
    const scene s;
    {
        journal first(s.path, "r.example");
        first.check_shards("0123");
        first.write({shards_chosen{"0123"}});
    }
    journal again(s.path, "r.example");
    again.check_shards("0123");
    BOOST_CHECK_EXCEPTION(again.check_shards("4567"), error, [](const error& e) {
        return e.code() == errc::usage && e.hint().find("--journal") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(what_is_no_journal_is_left_alone) {
    const temp_dir dir;
    const std::string path = (dir.path() / "other.db").string();
    {
        state::database other(path);
        other.execute("CREATE TABLE t(a)");
    }
    BOOST_TEST(refusal(path, "r.example").code() == errc::usage);
    const std::string text = dir.write("text", std::string(5000, 'x'));
    const error e = refusal(text, "r.example");
    BOOST_TEST(e.code() == errc::usage);
    BOOST_TEST(e.message().find(text) != std::string::npos);
    BOOST_TEST(e.hint().find("mv ") == std::string::npos); // it may be an archive
    BOOST_TEST(test::read_file(text) == std::string(5000, 'x'));
    BOOST_TEST(!std::filesystem::exists(text + ".lock"));
}

BOOST_AUTO_TEST_CASE(damage_is_found_when_it_is_opened) {
    const scene s;
    {
        journal one(s.path, "r.example");
        std::vector<journal_record> many;
        for (int i = 0; i < 500; ++i)
            many.emplace_back(image_planned{s.image("r.example/app:" + std::to_string(i))});
        one.write(many);
    }
    {
        std::fstream file(s.path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(3 * 4096);
        file << std::string(4096, '\xff');
    }
    const std::string before = test::read_file(s.path);
    BOOST_TEST(refusal(s.path, "r.example").code() == errc::storage);
    BOOST_TEST((test::read_file(s.path) == before));
}

BOOST_AUTO_TEST_CASE(a_stamp_is_size_and_time) {
    const temp_dir dir;
    const std::string path = dir.write("a.tar", "12345");
    const file_stamp stamp = stamp_of(path);
    BOOST_TEST(stamp.size == 5);
    BOOST_TEST(stamp.path == path);
    BOOST_TEST((stamp_of((dir.path() / "." / "a.tar").string()) == stamp));
    BOOST_CHECK_EXCEPTION(stamp_of("/no/such/file"), error, [](const error& e) {
        return e.code() == errc::archive_unreadable;
    });
}

BOOST_AUTO_TEST_SUITE_END()
