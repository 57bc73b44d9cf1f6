// Whole migrations against a fake registry: what is asked, what is sent, what is written down.
#include "engine/event_json.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"
#include "state/database.hpp"
#include "state/folder_lock.hpp"
#include "support/image_builder.hpp"
#include "support/push_scene.hpp"
#include "support/tar_builder.hpp"

#include <tarpon/migrate.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

BOOST_AUTO_TEST_SUITE(test_migrate)

namespace asio = boost::asio;
using namespace tarpon;
using namespace tarpon::test;
using outcome = migrated_image::outcome;

struct recorder final : migrate_observer {
    std::vector<blob_event> blobs;
    std::vector<migrate_plan> plans;
    std::vector<failure_event> failures;
    void on_blob(const blob_event& event) override { blobs.push_back(event); }
    void on_migrate_plan(const migrate_plan& plan) override { plans.push_back(plan); }
    void on_failure(const failure_event& event) override { failures.push_back(event); }
};

struct scene {
    asio::io_context io{1};
    fake_registry registry{io};
    temp_dir dir;
    migrate_options options;
    recorder told;
    std::function<bool()> stop_when;

    scene() {
        options.push.where.registry = concat("http://", registry.host(), "/team");
        options.push.threads = 2;
        options.push.jobs = 3;
        options.push.retries = 0;
        options.journal = (dir.path() / "journal.db").string();
        std::filesystem::create_directory(dir.path() / "in");
        options.sources = {(dir.path() / "in").string()};
    }

    void put(const std::string& name, const std::string& content) const {
        dir.write(concat("in/", name), content);
    }

    migrate_report run() {
        told = {};
        registry.forget_history();
        asio::cancellation_signal stop;
        std::optional<migrate_report> report;
        std::exception_ptr failed;
        auto on_end = [&](std::exception_ptr what, migrate_report made) {
            failed = what;
            report = std::move(made);
        };
        asio::co_spawn(
            io, migrate(options, told), asio::bind_cancellation_slot(stop.slot(), on_end));
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        bool stopped = false;
        while (!report && io.run_one_until(end) > 0)
            if (!report && !stopped && stop_when && stop_when()) {
                stopped = true;
                stop.emit(asio::cancellation_type::terminal);
            }
        BOOST_REQUIRE(report);
        if (failed)
            std::rethrow_exception(failed);
        return std::move(*report);
    }

    std::size_t uploads() const {
        return static_cast<std::size_t>(
            std::count_if(told.blobs.begin(), told.blobs.end(), [](const blob_event& event) {
                return event.status == blob_status::uploaded;
            }));
    }
};

std::size_t count(const migrate_report& report, outcome result) {
    return static_cast<std::size_t>(
        std::count_if(report.images.begin(), report.images.end(), [=](const auto& image) {
            return image.result == result;
        }));
}

std::string explain(const migrate_report& report) {
    for (const migrated_image& image : report.images)
        if (image.result == outcome::failed)
            return concat(image.archive, " ", image.reference, ": ", image.error);
    return "nothing failed";
}

std::string archive_of(unsigned seed, const std::string& name) {
    return docker_archive({make_image({make_layer(1, 20'000), make_layer(seed)}, {name})});
}

BOOST_AUTO_TEST_CASE(shared_layers_go_once) {
    scene s;
    for (unsigned i = 0; i < 8; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app", i % 3, ":", i)));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(count(report, outcome::pushed) == 8u);
    BOOST_TEST(s.registry.tags() == 8u);
    BOOST_TEST(s.registry.broken_tags().empty());
    // 8 configs, 8 layers of their own, one that all have: for three repositories it is mounted
    // twice.
    BOOST_TEST(s.uploads() == 17u);
    BOOST_TEST(s.registry.count(step::mount) == 2u);
    BOOST_TEST(report.plan.blobs == 17u);
    BOOST_TEST(report.plan.images == 8u);
    BOOST_REQUIRE(s.told.plans.size() == 1u);
    BOOST_TEST(!report.samples.empty());
    BOOST_TEST(report.samples.back().images_done == 8u);
}

BOOST_AUTO_TEST_CASE(shared_layers_are_sent_again_where_nothing_is_mounted) {
    scene s;
    s.registry.options.mount_status = 202;
    for (unsigned i = 0; i < 4; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app", i % 2, ":", i)));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.uploads() == 4u + 4u + 2u); // the shared one to both repositories
    BOOST_TEST(s.registry.broken_tags().empty());
}

BOOST_AUTO_TEST_CASE(a_second_run_asks_nothing) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    s.put("b.tar", archive_of(3, "app:2"));
    (void)s.run();
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(count(report, outcome::skipped) == 2u);
    BOOST_TEST(report.images.size() == 2u);
    BOOST_TEST(!report.images[0].digest.empty());
    BOOST_TEST(s.registry.steps() == "");
    BOOST_TEST(report.plan.images_done == 2u);
    BOOST_TEST(report.summary.requests == 0u);
}

BOOST_AUTO_TEST_CASE(without_a_journal_the_registry_is_asked) {
    scene s;
    s.options.journal.clear();
    s.put("a.tar", archive_of(2, "app:1"));
    (void)s.run();
    const auto report = s.run();
    BOOST_TEST(count(report, outcome::unchanged) == 1u);
    BOOST_TEST(s.uploads() == 0u);
}

BOOST_AUTO_TEST_CASE(one_image_of_an_archive_that_failed_is_done_later) {
    scene s;
    s.put(
        "a.tar",
        docker_archive(
            {make_image({make_layer(1)}, {"good:1"}), make_image({make_layer(2)}, {"closed:1"})}));
    s.registry.options.denied_repositories = {"team/closed"};
    const auto first = s.run();
    BOOST_TEST(first.exit_code() == 7, explain(first));
    BOOST_TEST(count(first, outcome::pushed) == 1u);
    BOOST_TEST(count(first, outcome::failed) == 1u);
    s.registry.options.denied_repositories.clear();
    const auto second = s.run();
    BOOST_TEST(second.exit_code() == 0, explain(second));
    BOOST_TEST(count(second, outcome::skipped) == 1u);
    BOOST_TEST(count(second, outcome::pushed) == 1u);
    for (const std::string& line : s.registry.history())
        BOOST_TEST(line.find("team/good") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_plan_sends_nothing) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    s.put("b.tar", archive_of(3, "app:2"));
    s.options.plan_only = true;
    const auto planned = s.run();
    BOOST_TEST(planned.exit_code() == 0, explain(planned));
    BOOST_TEST(count(planned, outcome::planned) == 2u);
    BOOST_TEST(s.registry.blobs() == 0u);
    BOOST_TEST(s.registry.count(step::open_upload) == 0u);
    BOOST_TEST(planned.plan.bytes_to_send == planned.plan.blob_bytes);
    s.options.plan_only = false;
    (void)s.run();
    s.options.plan_only = true;
    s.options.journal.clear();
    const auto after = s.run();
    BOOST_TEST(after.plan.bytes_to_send == 0u);
    BOOST_TEST(after.plan.bytes_present == after.plan.blob_bytes);
}

BOOST_AUTO_TEST_CASE(packed_archives_go_too) {
    scene s;
    s.put("a.tar.gz", gzip(archive_of(2, "app:1")));
    s.put("b.tar", archive_of(3, "app:2"));
    const auto first = s.run();
    BOOST_TEST(first.exit_code() == 0, explain(first));
    BOOST_TEST(s.registry.tags() == 2u);
    BOOST_TEST(s.registry.broken_tags().empty());
    const auto second = s.run();
    BOOST_TEST(count(second, outcome::skipped) == 2u);
    BOOST_TEST(s.registry.steps() == "");
}

// Their names are known before anything is pushed, on every shard.
BOOST_AUTO_TEST_CASE(packed_archives_contest_names_as_others_do) {
    for (const int shards : {1, 2}) {
        scene s;
        s.put("a.tar.gz", gzip(archive_of(2, "app:1")));
        s.put("b.tar.gz", gzip(archive_of(3, "app:1")));
        s.put("c.tar", archive_of(4, "app:2"));
        std::size_t pushed = 0, failed = 0;
        for (int index = 1; index <= shards; ++index) {
            s.options.shard = {index, shards};
            s.options.journal = (s.dir.path() / concat("journal", index, ".db")).string();
            const auto report = s.run();
            pushed += count(report, outcome::pushed);
            failed += count(report, outcome::failed);
        }
        BOOST_TEST(pushed == 1u);
        BOOST_TEST(failed == 2u);
        BOOST_TEST(s.registry.tags() == 1u);
    }
}

BOOST_AUTO_TEST_CASE(a_plan_has_packed_archives_too) {
    scene s;
    s.put("a.tar.gz", gzip(archive_of(2, "app:1")));
    s.put("b.tar", archive_of(3, "app:2"));
    s.options.plan_only = true;
    const auto report = s.run();
    BOOST_TEST(report.plan.images == 2u);
    BOOST_TEST(count(report, outcome::planned) == 2u);
    BOOST_TEST(report.plan.bytes_to_send == report.plan.blob_bytes);
    BOOST_TEST(s.registry.blobs() == 0u);
    s.put("c.tar.gz", gzip(archive_of(4, "app:1"))); // another one
    const auto contested = s.run();
    BOOST_TEST(count(contested, outcome::planned) == 1u);
    BOOST_TEST(count(contested, outcome::failed) == 2u);
    s.options.plan_only = false;
    BOOST_TEST(s.run().exit_code() == 7);
    s.options.plan_only = true;
    s.options.journal.clear();
    const auto after = s.run();
    BOOST_TEST(after.plan.bytes_to_send == 0u);
}

// Its layers are not sent to be refused then.
BOOST_AUTO_TEST_CASE(a_packed_archive_without_a_place_is_not_sent) {
    scene s;
    s.put("a.tar.gz", gzip(archive_of(2, "app:1")));
    s.put("b.tar.gz", gzip(archive_of(3, "app:1")));
    s.put("c.tar.gz", gzip(docker_archive({make_image({make_layer(4)}, {})})));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == exit_code_of(error_class::archive), explain(report));
    BOOST_TEST(s.told.failures.size() == 3u);
    BOOST_TEST(s.registry.blobs() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pipe_is_refused_and_not_read) {
    scene s;
    const std::string pipe = (s.dir.path() / "pipe.tar").string();
    BOOST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const int held = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
    s.options.sources = {pipe};
    const auto report = s.run();
    ::close(held);
    BOOST_TEST(report.exit_code() == exit_code_of(error_class::archive), explain(report));
    BOOST_TEST(explain(report).find("it is no file") != std::string::npos, explain(report));
}

BOOST_AUTO_TEST_CASE(broken_ones_stop_nobody_or_everybody) {
    scene s;
    s.put("a.tar", "no archive");
    s.put("b.tar", archive_of(3, "app:2"));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 7, explain(report));
    BOOST_TEST(count(report, outcome::pushed) == 1u);
    BOOST_TEST(s.told.failures.size() == 1u);
    s.options.fail_fast = true;
    const auto stopped = s.run();
    BOOST_TEST(count(stopped, outcome::failed) == 1u);
    BOOST_TEST(!stopped.interrupted);
}

BOOST_AUTO_TEST_CASE(no_registry_is_said_once) {
    scene s;
    for (unsigned i = 0; i < 5; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    s.registry.intercept = [](const registry_request&) {
        answer nothing;
        nothing.status = 404;
        return std::optional(nothing);
    };
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == exit_code_of(error_class::registry), explain(report));
    BOOST_TEST(s.told.failures.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_interrupt_keeps_what_was_done) {
    scene s;
    for (unsigned i = 0; i < 12; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    s.stop_when = [&] {
        return s.registry.tags() >= 3;
    };
    const auto stopped = s.run();
    BOOST_TEST(stopped.interrupted);
    BOOST_TEST(stopped.exit_code() == 130);
    const std::size_t done = count(stopped, outcome::pushed);
    BOOST_TEST(done < 12u);
    s.stop_when = {};
    const auto rest = s.run();
    BOOST_TEST(rest.exit_code() == 0, explain(rest));
    BOOST_TEST(count(rest, outcome::skipped) == done);
    BOOST_TEST(rest.images.size() == 12u);
    BOOST_TEST(s.registry.tags() == 12u);
    BOOST_TEST(s.registry.broken_tags().empty());
}

BOOST_AUTO_TEST_CASE(shards_do_everything_once) {
    scene s;
    for (unsigned i = 0; i < 10; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    s.put("broken.tar", "no archive");
    std::size_t pushed = 0, failed = 0;
    for (int index = 1; index <= 3; ++index) {
        s.options.shard = {index, 3};
        s.options.journal = (s.dir.path() / concat("journal", index, ".db")).string();
        const auto report = s.run();
        pushed += count(report, outcome::pushed);
        failed += count(report, outcome::failed);
        BOOST_TEST(count(report, outcome::unchanged) == 0u);
    }
    BOOST_TEST(pushed == 10u);
    BOOST_TEST(failed == 1u);
    BOOST_TEST(s.registry.tags() == 10u);
}

BOOST_AUTO_TEST_CASE(a_shard_that_cannot_read_what_others_read_pushes_nothing) {
    scene s;
    for (unsigned i = 0; i < 4; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    const auto one = s.dir.path() / "in/0.tar";
    s.options.shard = {2, 2};
    std::filesystem::rename(one, s.dir.path() / "elsewhere");
    std::filesystem::create_symlink("nowhere", one);
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == exit_code_of(error_class::archive), explain(report));
    BOOST_REQUIRE(s.told.failures.size() == 1u);
    BOOST_TEST(s.told.failures[0].what.message().find("0.tar") != std::string::npos);
    BOOST_TEST(s.registry.tags() == 0u);
    std::filesystem::remove(one);
    std::filesystem::rename(s.dir.path() / "elsewhere", one);
    const auto mended = s.run();
    BOOST_TEST(mended.exit_code() == 0, explain(mended));
    BOOST_TEST(mended.fingerprint.size() == 16u);
    s.put("more.tar", archive_of(30, "app:more"));
    const auto other = s.run();
    BOOST_TEST(other.exit_code() == exit_code_of(error_class::usage), explain(other));
    BOOST_TEST(other.fingerprint != mended.fingerprint);
    BOOST_TEST(s.registry.steps() == "");
}

BOOST_AUTO_TEST_CASE(shards_do_not_depend_on_where_archives_are) {
    scene s;
    std::string first;
    std::filesystem::create_directory(s.dir.path() / "moved");
    for (const char* place : {"in", "moved"}) {
        s.dir.write(concat(place, "/a.tar.gz"), gzip(archive_of(2, "app:1")));
        s.dir.write(concat(place, "/b.tar"), archive_of(3, "app:2"));
        s.options.sources = {(s.dir.path() / place).string()};
        s.options.shard = {1, 2};
        s.options.journal.clear();
        s.options.plan_only = true;
        const auto report = s.run();
        BOOST_TEST((first.empty() || report.fingerprint == first));
        first = report.fingerprint;
    }
}

BOOST_AUTO_TEST_CASE(an_interrupt_at_any_step_is_one) {
    scene s;
    for (unsigned i = 0; i < 20; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    std::string words;
    for (int steps = 1; steps < 300 && words.find("migrating") == words.npos; ++steps) {
        int left = steps; // of the event loop, until the signal comes
        s.stop_when = [&left] {
            return --left == 0;
        };
        std::filesystem::remove(s.options.journal);
        const auto stopped = s.run();
        BOOST_TEST(stopped.exit_code() == 130);
        BOOST_REQUIRE(s.told.failures.size() == 1u);
        words += s.told.failures[0].what.message();
    }
    BOOST_TEST(words.find("looking for archives") != words.npos, words);
    BOOST_TEST(words.find("looking at the archives; ") != words.npos, words);
    BOOST_TEST(words.find("migrating; ") != words.npos, words);
}

BOOST_AUTO_TEST_CASE(a_target_names_the_image) {
    scene s;
    s.put("a.tar", docker_archive({make_image({make_layer(1)}, {})}));
    s.options.sources = {concat("@", s.dir.write("list.txt", "in/a.tar chosen/name:5\n"))};
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(s.registry.tag("team/chosen/name", "5").has_value());
}

BOOST_AUTO_TEST_CASE(one_image_in_several_archives_is_done_in_all) {
    scene s;
    const std::string content = archive_of(2, "app:1");
    s.put("a.tar", content);
    s.put("b.tar", content);
    s.put("c.tar.gz", gzip(content));
    const auto first = s.run();
    BOOST_TEST(first.exit_code() == 0, explain(first));
    BOOST_TEST(count(first, outcome::pushed) == 1u);
    BOOST_TEST(count(first, outcome::unchanged) == 2u);
    for (int more = 0; more < 2; ++more) {
        const auto again = s.run();
        BOOST_TEST(count(again, outcome::skipped) == 3u);
        BOOST_TEST(again.images.size() == 3u);
        BOOST_TEST(s.registry.steps() == "");
    }
}

BOOST_AUTO_TEST_CASE(targets_of_a_file_that_another_one_shares) {
    scene s;
    const std::string content = archive_of(2, "a:1");
    s.put("y.tar", content);
    s.put("x.tar", content);
    s.options.sources = {
        (s.dir.path() / "in/y.tar").string(),
        concat("@", s.dir.write("l.json", R"({"in/x.tar": ["a:1", "b:1"]})"))};
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
    BOOST_TEST(count(report, outcome::pushed) == 2u);
    BOOST_TEST(count(report, outcome::unchanged) == 1u);
    const auto again = s.run();
    BOOST_TEST(count(again, outcome::skipped) == 3u);
    BOOST_TEST(s.registry.steps() == "");
}

BOOST_AUTO_TEST_CASE(a_contest_undoes_nothing) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    (void)s.run();
    s.put("b.tar", archive_of(3, "app:1"));
    const auto contested = s.run();
    BOOST_TEST(count(contested, outcome::skipped) == 1u);
    BOOST_REQUIRE(s.told.failures.size() == 1u);
    BOOST_TEST(s.told.failures[0].reference.ends_with("/team/app:1"));
    std::filesystem::remove(s.dir.path() / "in/b.tar");
    const auto after = s.run();
    BOOST_TEST(count(after, outcome::skipped) == 1u);
    BOOST_TEST(s.registry.steps() == "");
}

BOOST_AUTO_TEST_CASE(an_archive_that_took_a_name_over) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    (void)s.run();
    std::filesystem::rename(s.dir.path() / "in/a.tar", s.dir.path() / "a.tar");
    s.put("b.tar", archive_of(3, "app:1"));
    BOOST_TEST(count(s.run(), outcome::pushed) == 1u);
    std::filesystem::remove(s.dir.path() / "in/b.tar");
    std::filesystem::rename(s.dir.path() / "a.tar", s.dir.path() / "in/a.tar");
    BOOST_TEST(count(s.run(), outcome::pushed) == 1u); // and back
}

/// Of the image app:1 of a.tar.
std::string state_in(const std::string& journal) {
    state::database db(journal, state::database_use::look);
    state::statement ask(db, "SELECT state FROM image WHERE archive LIKE '%a.tar'");
    return ask.step() ? ask.text(0) : "nothing";
}

// Else a run that is killed at the tag leaves a journal that has done what is there no more.
BOOST_AUTO_TEST_CASE(a_name_that_is_taken_over_is_open_before_its_tag) {
    for (const bool packed : {false, true}) {
        scene s;
        s.put("a.tar", archive_of(2, "app:1"));
        (void)s.run();
        std::filesystem::remove(s.dir.path() / "in/a.tar");
        if (packed)
            s.put("b.tar.gz", gzip(archive_of(3, "app:1")));
        else
            s.put("b.tar", archive_of(3, "app:1"));
        std::string state;
        s.registry.intercept = [&](const registry_request& asked) -> std::optional<answer> {
            if (asked.what == step::put_manifest)
                state = state_in(s.options.journal);
            return std::nullopt;
        };
        BOOST_TEST(count(s.run(), outcome::pushed) == 1u);
        BOOST_TEST(state == "open");
    }
}

BOOST_AUTO_TEST_CASE(every_tag_of_a_contested_image_is_told) {
    scene s;
    s.put("a.tar", docker_archive({make_image({make_layer(1)}, {"app:1", "app:2"})}));
    s.put("b.tar", archive_of(3, "app:1"));
    s.put("c.tar", docker_archive({make_image({make_layer(4)}, {})}));
    const auto report = s.run();
    BOOST_TEST(s.registry.tags() == 0u);
    std::size_t named = 0;
    for (const failure_event& failure : s.told.failures) {
        named += failure.reference.empty() ? 0 : 1;
        if (failure.reference.empty())
            BOOST_TEST(
                failure.what.hint().find("c.tar NAME:TAG") != std::string::npos,
                failure.what.hint());
    }
    BOOST_TEST(named == 3u);
    BOOST_TEST(s.told.failures.size() == 4u);
}

BOOST_AUTO_TEST_CASE(an_archive_that_changes_before_its_turn) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    s.put("b.tar", archive_of(3, "app:2"));
    bool changed = false;
    s.registry.intercept = [&](const registry_request&) { // the first one comes before all pushes
        if (!std::exchange(changed, true))
            s.put("b.tar", docker_archive({make_image({make_layer(3)}, {"app:3"})}));
        return std::optional<answer>();
    };
    const auto report = s.run();
    s.registry.intercept = {};
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(s.told.failures.size() == 1u);
    BOOST_TEST(s.told.failures[0].what.code() == errc::archive_changed);
    BOOST_TEST(s.told.failures[0].archive.ends_with("b.tar"));
    const auto again = s.run();
    BOOST_TEST(again.exit_code() == 0, explain(again));
    BOOST_TEST(s.registry.tag("team/app", "3").has_value());
    BOOST_TEST(!s.registry.tag("team/app", "2").has_value());
}

BOOST_AUTO_TEST_CASE(a_plan_counts_an_image_once_for_all_its_tags) {
    scene s;
    s.put("b.tar", archive_of(3, "app:3"));
    (void)s.run();
    s.put("a.tar", docker_archive({make_image({make_layer(2, 5000)}, {"app:1", "app:2"})}));
    s.options.plan_only = true;
    const auto alone = s.run(); // b.tar is done, and not in it
    s.options.journal.clear();
    const auto both = s.run(); // the registry has b.tar's
    BOOST_TEST(alone.plan.bytes_to_send == alone.plan.blob_bytes);
    BOOST_TEST(both.plan.bytes_to_send == alone.plan.blob_bytes);
    BOOST_TEST(count(both, outcome::planned) == 3u);
    for (const migrated_image& image : both.images)
        BOOST_TEST(image.archive.ends_with(".tar"));
}

BOOST_AUTO_TEST_CASE(archives_are_hashed_when_asked) {
    scene s;
    const std::string content = archive_of(2, "app:1");
    s.put("a.tar", content);
    s.options.hash_archives = true;
    BOOST_TEST((s.run().images.at(0).archive_digest == digest_of(content)));
    BOOST_TEST((s.run().images.at(0).archive_digest == digest_of(content))); // skipped
}

/// As somebody for whom file modes count, if it is run by root.
class unprivileged {
public:
    unprivileged()
        : was_(::geteuid()) {
        if (was_ == 0 && ::seteuid(65534) != 0)
            throw std::runtime_error("cannot become nobody");
    }
    ~unprivileged() {
        if (was_ == 0 && ::seteuid(0) != 0)
            std::terminate();
    }

private:
    const uid_t was_;
};

void give_to_nobody(const std::filesystem::path& path) {
    if (::geteuid() == 0)
        BOOST_REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
}

// It is done, and then asked for its SHA-256, which cannot be had.
BOOST_AUTO_TEST_CASE(an_archive_that_cannot_be_hashed_stops_nobody) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    s.put("b.tar", archive_of(3, "app:2"));
    (void)s.run();
    s.put("c.tar", archive_of(4, "app:3"));
    s.options.hash_archives = true;
    std::filesystem::permissions(s.dir.path() / "in" / "a.tar", std::filesystem::perms::none);
    give_to_nobody(s.dir.path());
    give_to_nobody(s.options.journal);
    give_to_nobody(s.options.journal + ".lock");
    std::optional<migrate_report> report;
    {
        const unprivileged now;
        report = s.run();
    }
    BOOST_TEST(report->exit_code() == 7, explain(*report));
    BOOST_TEST(count(*report, outcome::failed) == 1u);
    BOOST_TEST(count(*report, outcome::skipped) == 1u);
    BOOST_TEST(count(*report, outcome::pushed) == 1u);
    BOOST_REQUIRE(s.told.failures.size() == 1u);
    BOOST_TEST(
        s.told.failures[0].what.message()
        == concat("cannot read ", s.dir.path().string(), "/in/a.tar: Permission denied"));
}

// How much is in a layer that is packed nobody knows: it is not held as a whole.
BOOST_AUTO_TEST_CASE(a_layer_that_is_unpacked_goes_as_it_comes) {
    for (const bool packed : {false, true}) {
        scene s;
        s.registry.options.whole_post = true;
        const std::string layer = make_layer(1, 100'000);
        const built_image image = make_image({layer}, {"app:1"});
        tar_builder tar;
        tar.file("config.json", image.config);
        tar.file("layer.tar", packed ? xz(layer) : layer);
        tar.file(
            "manifest.json",
            R"([{"Config":"config.json","RepoTags":["app:1"],"Layers":["layer.tar"]}])");
        s.put("a.tar", tar.end().str());
        const auto report = s.run();
        BOOST_TEST(report.exit_code() == 0, explain(report));
        BOOST_TEST(s.registry.broken_tags().empty());
        // The config goes in one request each time.
        BOOST_TEST(s.registry.count(step::whole_post) == (packed ? 1u : 2u));
    }
}

BOOST_AUTO_TEST_CASE(a_registry_that_is_gone_ends_the_run) {
    scene s;
    for (unsigned i = 0; i < 60; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    s.registry.intercept = [&](const registry_request&) -> std::optional<answer> {
        if (s.registry.tags() < 3)
            return std::nullopt;
        return answer::none(answer::next::reset);
    };
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 7, explain(report));
    BOOST_REQUIRE(!s.told.failures.empty());
    const error& last = s.told.failures.back().what;
    BOOST_TEST(last.message().find("archives in a row; ") != std::string::npos, last.message());
    BOOST_TEST((class_of(last.code()) == error_class::network));
    BOOST_TEST(s.told.failures.size() < 50u); // ten hands, twice, and those under way
    s.registry.intercept = {};
    const auto rest = s.run();
    BOOST_TEST(rest.exit_code() == 0, explain(rest));
    BOOST_TEST(s.registry.tags() == 60u);
}

void answer_all_but_pings(scene& s, int status) {
    s.registry.intercept = [status](const registry_request& asked) -> std::optional<answer> {
        if (asked.what == step::ping)
            return std::nullopt;
        return answer::with(status);
    };
}

void let_robot_in(scene& s) {
    s.registry.options.username = "robot";
    s.registry.options.password = "right";
    s.options.push.connection.username = "robot";
    s.options.push.connection.password = "right";
}

void expect_one_end(scene& s, error_class kind, const std::string& words) {
    for (unsigned i = 0; i < 60; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("app:", i)));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == exit_code_of(kind), explain(report));
    BOOST_REQUIRE(!s.told.failures.empty());
    const error& last = s.told.failures.back().what;
    BOOST_TEST((class_of(last.code()) == kind));
    BOOST_TEST(last.message().find(words) != std::string::npos, last.message());
    BOOST_TEST(s.told.failures.size() < 50u); // ten hands, twice, and those under way
    BOOST_TEST(s.registry.tags() == 0u);
}

BOOST_AUTO_TEST_CASE(a_registry_that_fails_for_all_ends_the_run) {
    scene s;
    answer_all_but_pings(s, 500);
    expect_one_end(s, error_class::registry, "the registry failed for 2");
}

// Each try of a wrong password may be the one that locks the account.
BOOST_AUTO_TEST_CASE(a_wrong_password_is_tried_once) {
    scene s;
    let_robot_in(s);
    s.options.push.connection.password = "wrong";
    expect_one_end(s, error_class::auth, "rejected the credentials of robot");
    BOOST_TEST(s.told.failures.size() == 1u);
    BOOST_TEST(s.registry.count(step::put_manifest) == 0u);
}

BOOST_AUTO_TEST_CASE(a_registry_that_has_too_much_to_do_for_all_ends_the_run) {
    scene s;
    answer_all_but_pings(s, 429);
    expect_one_end(s, error_class::registry, "the registry failed for 2");
}

BOOST_AUTO_TEST_CASE(a_password_that_is_changed_in_between_ends_the_run) {
    scene s;
    let_robot_in(s);
    bool opened = false;
    s.registry.intercept = [&](const registry_request& asked) -> std::optional<answer> {
        if (asked.what == step::ping)
            opened = opened || !asked.http.header("Authorization").empty();
        else if (opened)
            s.registry.options.password = "another";
        return std::nullopt;
    };
    expect_one_end(s, error_class::auth, "did not let us in for 2");
}

// Many registries say 401 where others say 403.
BOOST_AUTO_TEST_CASE(repositories_that_are_forbidden_end_nothing) {
    scene s;
    let_robot_in(s);
    for (unsigned i = 0; i < 60; ++i)
        s.put(concat(i, ".tar"), archive_of(10 + i, concat("hidden:", i)));
    s.put("small.tar", docker_archive({make_image({make_layer(7, 1000)}, {"app:1"})}));
    s.registry.intercept = [](const registry_request& asked) -> std::optional<answer> {
        if (asked.repository != "team/hidden")
            return std::nullopt;
        answer who;
        who.status = 401;
        return who;
    };
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 7, explain(report));
    BOOST_TEST(count(report, outcome::failed) == 60u);
    BOOST_TEST(count(report, outcome::pushed) == 1u);
}

// /v2/ may be forbidden where repositories are not.
BOOST_AUTO_TEST_CASE(a_ping_that_is_forbidden_is_no_refusal) {
    scene s;
    s.registry.options.ping_status = 403;
    s.put("a.tar", archive_of(2, "app:1"));
    const auto report = s.run();
    BOOST_TEST(report.exit_code() == 0, explain(report));
}

// What was to be written down may be lost: that is no half of a success.
BOOST_AUTO_TEST_CASE(a_run_that_broke_is_none_that_is_partial) {
    migrate_report report;
    report.images.emplace_back();
    report.images.back().result = outcome::pushed;
    report.summary.failed = 1;
    BOOST_TEST(report.exit_code() == 7);
    report.broke = true;
    BOOST_TEST(report.exit_code() == 1);
}

BOOST_AUTO_TEST_CASE(a_plan_leaves_the_journal_alone) {
    scene s;
    s.put("a.tar", archive_of(2, "app:1"));
    s.options.plan_only = true;
    (void)s.run();
    BOOST_TEST(!std::filesystem::exists(s.options.journal));
    BOOST_TEST(!std::filesystem::exists(s.options.journal + ".lock"));
    s.options.plan_only = false;
    (void)s.run();
    s.options.plan_only = true;
    const state::folder_lock other(s.options.journal + ".lock");
    BOOST_REQUIRE(other.alone());
    const auto planned = s.run();
    BOOST_TEST(planned.plan.images_done == 1u);
    s.options.plan_only = false;
    BOOST_CHECK_THROW((void)s.run(), error);
}

// A name is whatever somebody put on the disk.
BOOST_AUTO_TEST_CASE(names_of_files_are_shown_as_text) {
    scene s;
    s.put("a\033[31m\xff.tar", "no archive");
    (void)s.run();
    BOOST_REQUIRE(s.told.failures.size() == 1u);
    const failure_event& failure = s.told.failures[0];
    BOOST_TEST(
        failure.what.message().find("/in/a [31m?.tar: ") != std::string::npos,
        failure.what.message());
    BOOST_TEST(valid_utf8(engine::to_json(failure)) == engine::to_json(failure));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
    scene s;
    const auto is_usage = [](const error& e) {
        return e.code() == errc::usage;
    };
    s.options.shard = {3, 2};
    BOOST_CHECK_EXCEPTION((void)s.run(), error, is_usage);
    s.options.shard = {};
    s.options.sources.clear();
    BOOST_CHECK_EXCEPTION((void)s.run(), error, is_usage);
    s.options.sources = {(s.dir.path() / "*.nothing").string()};
    BOOST_CHECK_EXCEPTION((void)s.run(), error, is_usage);
    s.options.push.where.registry.clear();
    BOOST_CHECK_EXCEPTION((void)s.run(), error, is_usage);
}

BOOST_AUTO_TEST_SUITE_END()
