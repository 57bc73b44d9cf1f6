// Records reach the journal in their order, and none is lost where it cannot be written yet.
#include "migrate/journal_writer.hpp"

#include "model/hasher.hpp"
#include "support/printing.hpp"
#include "support/run_coroutine.hpp"
#include "support/temp_dir.hpp"

#include <tarpon/error.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <optional>

BOOST_AUTO_TEST_SUITE(test_journal_writer)

namespace asio = boost::asio;
using namespace tarpon;
using namespace tarpon::migration;
using tarpon::test::run_coroutine;

struct scene {
    test::temp_dir dir;
    const std::string path = (dir.path() / "journal.db").string();
    std::shared_ptr<journal> to = std::make_shared<journal>(path, "r.example");
    async::cpu_pool workers{1};

    static journal_image image(const std::string& reference) {
        return {reference, "/a.tar", "config sha256:1", "gzip", digest_of("manifest")};
    }
};

asio::awaitable<void> write_one(asio::io_context& io, scene& s, std::function<void()> on_busy) {
    journal_writer writer(io.get_executor(), s.workers, s.to);
    writer.on_busy = std::move(on_busy);
    writer.add(image_is_done{scene::image("r.example/a:1")});
    writer.finish();
    co_await writer.run();
}

// Somebody reads it: a query that was left open, a backup.
BOOST_AUTO_TEST_CASE(a_reader_delays_it) {
    scene s;
    std::optional<state::database> other(std::in_place, s.path);
    std::optional<state::statement> reader(std::in_place, *other, "SELECT * FROM run");
    BOOST_REQUIRE(reader->step());
    int told = 0;
    auto on_busy = [&] {
        ++told;
        reader.reset();
        other.reset();
    };
    run_coroutine([&](asio::io_context& io) { return write_one(io, s, on_busy); });
    BOOST_TEST(told == 1);
    BOOST_TEST(s.to->find_done(scene::image("r.example/a:1")).has_value());
}

/// At first it is full.
asio::awaitable<void> fail_and_flush(asio::io_context& io, scene& s, bool& failed) {
    state::database direct(s.path);
    direct.execute(
        "CREATE TRIGGER no BEFORE INSERT ON image BEGIN SELECT RAISE(ABORT, 'full'); END");
    journal_writer writer(io.get_executor(), s.workers, s.to);
    writer.add(image_is_done{scene::image("r.example/a:1")});
    writer.finish();
    try {
        co_await writer.run();
    } catch (const error& e) {
        failed = e.code() == errc::storage;
    }
    direct.execute("DROP TRIGGER no");
    co_await writer.flush();
}

BOOST_AUTO_TEST_CASE(what_could_not_be_written_waits) {
    scene s;
    bool failed = false;
    run_coroutine([&](asio::io_context& io) { return fail_and_flush(io, s, failed); });
    BOOST_TEST(failed);
    BOOST_TEST(s.to->find_done(scene::image("r.example/a:1")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
