// SQLite behind objects: values go in and come out, transactions end, damage is told apart.
#include "state/database.hpp"

#include "support/temp_dir.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

BOOST_AUTO_TEST_SUITE(test_database)

using namespace tarpon::state;
using tarpon::test::temp_dir;

std::int64_t rows(database& db) {
    statement count(db, "SELECT count(*) FROM t");
    BOOST_REQUIRE(count.step());
    return count.number(0);
}

BOOST_AUTO_TEST_CASE(values_come_back) {
    const temp_dir dir;
    database db((dir.path() / "db").string());
    db.execute("CREATE TABLE t(a TEXT, b INTEGER)");
    BOOST_TEST(statement(db, "INSERT INTO t VALUES(?,?)").bind("x'; --").bind(-7).run() == 1);
    statement ask(db, "SELECT a, b FROM t WHERE a = ?");
    ask.bind("x'; --");
    BOOST_REQUIRE(ask.step());
    BOOST_TEST(ask.text(0) == "x'; --");
    BOOST_TEST(ask.number(1) == -7);
    BOOST_TEST(!ask.step());
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_not_committed_did_nothing) {
    const temp_dir dir;
    database db((dir.path() / "db").string());
    db.execute("CREATE TABLE t(a INTEGER)");
    {
        transaction all(db);
        statement(db, "INSERT INTO t VALUES(1)").run();
    }
    BOOST_TEST(rows(db) == 0);
    {
        transaction all(db);
        statement(db, "INSERT INTO t VALUES(1)").run();
        all.commit();
    }
    BOOST_TEST(rows(db) == 1);
}

std::int64_t setting(database& db, const char* name) {
    statement ask(db, std::string("PRAGMA ") + name);
    BOOST_REQUIRE(ask.step());
    return ask.number(0);
}

BOOST_AUTO_TEST_CASE(each_use_has_its_settings) {
    const temp_dir dir;
    const std::string path = (dir.path() / "db").string();
    BOOST_CHECK_THROW(database(path, database_use::look), database_error);
    BOOST_TEST(!std::filesystem::exists(path));
    {
        database record(path, database_use::record);
        record.execute("CREATE TABLE t(a)");
        BOOST_TEST(setting(record, "synchronous") == 2); // FULL
        database cache(path);
        BOOST_TEST(setting(cache, "synchronous") == 1); // NORMAL
    }
    database look(path, database_use::look);
    BOOST_TEST(rows(look) == 0);
    BOOST_CHECK_THROW(look.execute("INSERT INTO t VALUES(1)"), database_error);
}

BOOST_AUTO_TEST_CASE(only_its_owner_reads_it) {
    const temp_dir dir;
    const database db((dir.path() / "db").string());
    struct stat facts {};
    BOOST_REQUIRE(::stat((dir.path() / "db").c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 0777) == 0600u);
}

BOOST_AUTO_TEST_CASE(what_is_no_database_is_damaged_and_a_wrong_path_is_not) {
    const temp_dir dir;
    std::ofstream(dir.path() / "text") << std::string(10'000, 'x');
    BOOST_CHECK_EXCEPTION(
        database((dir.path() / "text").string()), database_error,
        [](const database_error& e) { return e.damaged(); });
    BOOST_CHECK_EXCEPTION(
        database((dir.path() / "absent" / "db").string()), database_error,
        [](const database_error& e) { return !e.damaged(); });
}

BOOST_AUTO_TEST_SUITE_END()
