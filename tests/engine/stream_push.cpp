#include "engine/stream_push.hpp"

#include "archive/oci_document.hpp"
#include "model/hasher.hpp"
#include "model/media_type.hpp"
#include "model/text.hpp"
#include "support/image_builder.hpp"
#include "support/printing.hpp"
#include "support/push_scene.hpp"
#include "support/stored_image.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>

BOOST_AUTO_TEST_SUITE(test_stream_push)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
using namespace tarpon::test;
namespace mt = tarpon::media_type;

const std::string staging = "team/tarpon-staging";

/// Layers that are too large to be kept in memory, and one that is not.
std::string large(unsigned seed) {
    return make_layer(seed, limits::kept_entry_bytes_max + 100'000);
}
std::string small(unsigned seed) {
    return make_layer(seed, 2000);
}

void to_one_name(push_scene& s) {
    s.options.where = {};
    s.options.where.to = {s.place("team/app:1")};
}

/// Lines of the history that begin so.
std::size_t count(const push_scene& s, const std::string& begin) {
    const auto history = s.registry.history();
    return static_cast<std::size_t>(
        std::count_if(history.begin(), history.end(), [&](const std::string& line) {
            return line.starts_with(begin);
        }));
}

const char* const fixtures[] = {
    "crane-pull-gz-layers.tar",  "docker20-dup-layers.tar", "docker20-multi.tar",
    "docker20-untagged.tar",     "docker28-dup-layers.tar", "docker28-multi.tar",
    "docker28-single.tar",       "multiarch-oci.tar",       "oras-referrers.tar",
    "podman-docker-archive.tar", "skopeo-oci-archive.tar",  "skopeo-oci-zstd.tar",
};

// A pipe gives the same manifests as the file, byte for byte, whatever wrote the archive.
BOOST_DATA_TEST_CASE(pipe_and_file_give_the_same, bdata::make(fixtures), name) {
    const std::string archive = read_file(data_file(name));
    std::optional<digest> from_file;
    for (const bool piped : {false, true}) {
        push_scene s;
        to_one_name(s);
        s.options.where.image = "@1";
        check_done(s, piped ? s.push_piped(archive) : s.push(archive));
        const auto now = s.registry.tag("team/app", "1");
        BOOST_REQUIRE(now.has_value());
        BOOST_TEST(*now == from_file.value_or(*now));
        from_file = now;
    }
}

// A file with outer compression is read once, too.
BOOST_AUTO_TEST_CASE(compressed_archive_gives_the_same) {
    const built_image image = make_image({large(1), small(2)}, {"app:1"});
    const std::string archive = docker_archive({image});
    push_scene plain;
    check_done(plain, plain.push(archive));
    for (const std::string& packed : {gzip(archive), zstd(archive), gzip(zstd(archive))}) {
        push_scene s;
        check_done(s, s.push(packed));
        check_image(s, "team/app", "1", image);
        BOOST_TEST(
            s.registry.tag("team/app", "1").value() == plain.registry.tag("team/app", "1").value());
    }
}

// One name: blobs go where they belong at once.
BOOST_AUTO_TEST_CASE(single_name_needs_no_staging) {
    push_scene s;
    to_one_name(s);
    const built_image image = make_image({large(1), large(2), small(3)}, {"x:1"});
    check_done(s, s.push_piped(docker_archive({image})));
    check_image(s, "team/app", "1", image);
    BOOST_TEST(s.registry.count(step::mount) == 0u);
    BOOST_TEST(s.registry.count(step::patch) == 4u);
    BOOST_TEST(count(s, "open_upload team/app:") == s.registry.count(step::open_upload));
}

// Names come last: large blobs wait in the staging repository and are mounted from there. Small
// ones were kept in memory and go straight to their places.
BOOST_AUTO_TEST_CASE(names_from_the_archive_are_staged_and_mounted) {
    push_scene s;
    const built_image a = make_image({large(1), small(2)}, {"a:1"});
    const built_image b = make_image({large(1), large(3)}, {"b:1"});
    check_done(s, s.push_piped(docker_archive({a, b})));
    check_image(s, "team/a", "1", a);
    check_image(s, "team/b", "1", b);
    BOOST_TEST(s.registry.has_blob("team/a", a.config_digest()));
    BOOST_TEST(!s.registry.has_blob(staging, a.config_digest()));
    BOOST_TEST(count(s, "mount team/a") == 1u);
    BOOST_TEST(count(s, "mount team/b") == 2u);
    BOOST_TEST(s.registry.count(step::get_blob) == 0u);
    // No tag ever names anything in the staging repository.
    BOOST_TEST(count(s, "put_manifest " + staging) == 0u);
}

BOOST_AUTO_TEST_CASE(staging_repository_can_be_chosen) {
    push_scene s;
    s.options.where.staging = "elsewhere/stage";
    const built_image image = make_image({large(1)}, {"a:1"});
    check_done(s, s.push_piped(docker_archive({image})));
    check_image(s, "team/a", "1", image);
    BOOST_TEST(count(s, "patch elsewhere/stage") == 1u);
    BOOST_TEST(count(s, "patch " + staging) == 0u);
}

// Artifactory never mounts, others not this time: the blob is copied from where it waits, as it
// is, and checked on the way.
BOOST_DATA_TEST_CASE(
    refused_mount_copies_from_staging, bdata::make({202, 401, 403, 404, 405}), status) {
    push_scene s;
    s.registry.options.mount_status = status;
    const built_image image = make_image({large(1), small(2)}, {"a:1", "b:1"});
    check_done(s, s.push_piped(docker_archive({image})));
    check_image(s, "team/a", "1", image);
    check_image(s, "team/b", "1", image);
    BOOST_TEST(count(s, "get_blob " + staging) == 2u);
}

// A copy needs two connections, one to read from and one to write to: all jobs copying at once
// must not wait for each other.
BOOST_DATA_TEST_CASE(copies_of_all_jobs_get_their_connections, bdata::make({1, 2, 3}), jobs) {
    push_scene s;
    s.options.jobs = jobs;
    s.registry.options.mount_status = 202;
    const built_image image = make_image({large(1), large(2), large(3), large(4)}, {"a:1"});
    check_done(s, s.push_piped(docker_archive({image})));
    check_image(s, "team/a", "1", image);
    BOOST_TEST(count(s, "get_blob " + staging) == 4u);
}

// What the copy gives back is not what was pushed: nothing is tagged.
BOOST_AUTO_TEST_CASE(staging_that_gives_other_bytes_is_noticed) {
    push_scene s;
    s.registry.options.mount_status = 202;
    s.registry.adjust = [](const registry_request& request, answer& reply) {
        if (request.what == step::get_blob && !reply.body.empty())
            reply.body[reply.body.size() / 2] ^= 1;
    };
    const auto report = s.push_piped(docker_archive({make_image({large(1)}, {"a:1"})}));
    BOOST_TEST(report.exit_code() != 0);
    BOOST_TEST(s.registry.tags() == 0u);
    BOOST_TEST(s.registry.broken_tags().empty());
}

// blobs/sha256/… says what it is: what the registry has is read past, hashed and not sent.
BOOST_AUTO_TEST_CASE(named_blob_is_asked_for_first) {
    push_scene s;
    to_one_name(s);
    const built_image image = make_image({make_layer(1, 3'000'000)}, {});
    oci_builder oci;
    const blob root = oci.image(image);
    const std::string archive = oci.archive({root.json()});
    check_done(s, s.push_piped(archive));
    BOOST_TEST(s.registry.tag("team/app", "1").value() == root.descriptor().digest);
    s.registry.forget_history();
    check_done(s, s.push_piped(archive));
    BOOST_TEST(s.registry.count(step::patch) == 0u);
    BOOST_TEST(s.told.count(blob_status::uploaded) == 0u);
}

std::string damaged(std::string archive, const std::string& part) {
    const std::size_t at = archive.find(part);
    BOOST_REQUIRE(at != std::string::npos);
    archive[at + part.size() / 2] ^= 1;
    return archive;
}

// An entry that is not what its name says fails the images that need it, and is never committed.
BOOST_AUTO_TEST_CASE(blob_that_is_not_its_name_fails_its_image) {
    for (const bool there : {false, true}) {
        push_scene s;
        to_one_name(s);
        const built_image image = make_image({make_layer(1, 3'000'000)}, {});
        oci_builder oci;
        const blob root = oci.image(image);
        const std::string layer = gzip(image.layers[0]);
        BOOST_REQUIRE(layer.size() > limits::kept_entry_bytes_max);
        if (there)
            s.registry.add_blob("team/app", layer);
        const auto report = s.push_piped(damaged(oci.archive({root.json()}), layer));
        BOOST_TEST(report.exit_code() == 3);
        BOOST_TEST(report.failures.at(0).what.code() == errc::digest_mismatch);
        BOOST_TEST(s.registry.tags() == 0u);
        BOOST_TEST(s.registry.uploads_open() == 0u);
        BOOST_TEST(s.registry.has_blob("team/app", digest_of(layer)) == there);
    }
}

// The config comes after the layers that do not fit it: they are in the registry, and nothing
// names them.
BOOST_AUTO_TEST_CASE(layer_that_is_not_its_diff_id_fails_its_image) {
    push_scene s;
    const built_image good = make_image({large(1)}, {"good:1"});
    built_image bad = make_image({large(1), large(2)}, {"bad:1"});
    bad.layers[1] = large(3);
    const auto report = s.push_piped(docker_archive({good, bad}));
    BOOST_TEST(report.exit_code() == 7);
    BOOST_REQUIRE(report.failures.size() == 1u);
    BOOST_TEST(report.failures[0].what.code() == errc::digest_mismatch);
    check_image(s, "team/good", "1", good);
    BOOST_TEST(s.registry.tags() == 1u);
    BOOST_TEST(s.registry.broken_tags().empty());
}

// The writer died: an error of the archive, and nothing tagged.
BOOST_AUTO_TEST_CASE(pipe_that_ends_early_is_an_archive_error) {
    const std::string archive = docker_archive({make_image({large(1), large(2)}, {"a:1"})});
    for (const std::size_t bytes : {0u, 100u, 512u, 5'000u, 100'000u, 250'000u}) {
        push_scene s;
        const auto report = s.push_piped(archive, {10'000, bytes, {}});
        BOOST_TEST(report.exit_code() == 3);
        const errc wanted = bytes == 0    ? errc::archive_empty
                            : bytes < 512 ? errc::archive_not_tar
                                          : errc::archive_truncated;
        BOOST_TEST(report.failures.at(0).what.code() == wanted, explain(report));
        BOOST_TEST(s.registry.tags() == 0u);
    }
}

// The upload that was under way for it leaves no session behind.
BOOST_AUTO_TEST_CASE(pipe_that_ends_within_an_upload_drops_its_session) {
    push_scene s;
    const auto sending = std::make_shared<gate>(s.io);
    s.registry.intercept = [&](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::patch)
            sending->open();
        return std::nullopt;
    };
    const std::string archive = docker_archive({make_image({make_layer(1, 3'000'000)}, {"a:1"})});
    const auto report = s.push_piped(archive, {100'000, 2'000'000, sending});
    BOOST_TEST(report.failures.at(0).what.code() == errc::archive_truncated);
    BOOST_TEST(s.registry.steps() == "ping open_upload drop_upload open_upload patch drop_upload");
    BOOST_TEST(s.registry.uploads_open() == 0u);
}

// How the bytes come in has no influence on what comes out.
BOOST_DATA_TEST_CASE(
    pieces_of_the_pipe_do_not_matter, bdata::make({511u, 4096u, 1'000'000u}), size) {
    push_scene s;
    const built_image image = make_image({large(1), small(2)}, {"a:1"});
    check_done(s, s.push_piped(docker_archive({image}), {size, SIZE_MAX, {}}));
    check_image(s, "team/a", "1", image);
}

// Who may not push hears it before anything was read from the pipe.
BOOST_DATA_TEST_CASE(
    refusal_comes_before_the_pipe_is_read,
    bdata::make({401, 403, 404})
        ^ bdata::make(
            {errc::registry_unauthorized, errc::registry_denied, errc::registry_not_found}),
    status,
    code) {
    push_scene s;
    s.registry.intercept = [status](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::open_upload)
            return answer::with(status, "no");
        return std::nullopt;
    };
    const auto report = s.push_piped(docker_archive({make_image({large(1)}, {"a:1"})}));
    BOOST_TEST(report.failures.at(0).what.code() == code);
    BOOST_TEST(s.registry.steps() == "ping open_upload");
    BOOST_TEST(s.pipe().unread() >= s.pipe().written());
}

// A registry that fails under way ends the push at once, without waiting for the rest of the pipe.
BOOST_AUTO_TEST_CASE(registry_failure_stops_reading) {
    push_scene s;
    s.registry.intercept = [](const registry_request& request) -> std::optional<answer> {
        if (request.what == step::patch)
            return answer::with(500, "broken").after_body_bytes(1000);
        return std::nullopt;
    };
    const std::string archive = docker_archive({make_image({make_layer(1, 20'000'000)}, {"a:1"})});
    const auto report = s.push_piped(archive, {100'000, SIZE_MAX, {}});
    BOOST_TEST(report.exit_code() == 5);
    BOOST_TEST(s.pipe().written() < archive.size());
    BOOST_TEST(s.registry.tags() == 0u);
}

// One uploader, many candidates, little memory: everything goes, one after the other.
BOOST_AUTO_TEST_CASE(little_memory_and_one_job_are_enough) {
    push_scene s;
    s.options.jobs = 1;
    s.options.threads = 1;
    s.options.memory_bytes = limits::buffer_memory_bytes_min;
    std::vector<std::string> layers;
    for (unsigned seed = 1; seed <= 12; ++seed)
        layers.push_back(make_layer(seed, 1'500'000));
    const built_image image = make_image(layers, {"a:1"});
    check_done(s, s.push_piped(docker_archive({image})));
    check_image(s, "team/a", "1", image);
}

// Blocks that were read ahead wait for the chunk that they go in, and must leave it room.
BOOST_AUTO_TEST_CASE(chunks_find_room_beside_what_was_read_ahead) {
    for (const compression kind : {compression::zstd, compression::gzip}) {
        for (const int jobs : {1, 6}) {
            push_scene s;
            s.options.jobs = jobs;
            s.options.layers = kind;
            s.options.memory_bytes = limits::zstd_memory_bytes_min;
            s.options.chunks = chunking::always;
            s.options.chunk_bytes = 256 * 1024;
            // The registry is slower to open an upload than the pipe is to give what fits.
            const auto opening = std::make_shared<gate>(s.io);
            boost::asio::steady_timer later(s.io);
            s.registry.adjust = [&](const registry_request& asked, answer& given) {
                if (asked.what != step::open_upload || s.registry.count(step::open_upload) != 2)
                    return;
                given.held_by = opening;
                later.expires_after(std::chrono::milliseconds(500));
                later.async_wait([opening](boost::system::error_code) { opening->open(); });
            };
            const built_image image =
                make_image({make_layer(1, 30'000'000), make_layer(2, 9'000'000)}, {"a:1"});
            check_done(s, s.push_piped(docker_archive({image})));
            BOOST_TEST(s.registry.tags() == 1u);
            BOOST_TEST(s.registry.count(step::patch) > 3u);
        }
    }
}

// Legacy JSON that nothing refers to is not pushed.
BOOST_AUTO_TEST_CASE(entries_that_nothing_names_are_not_published) {
    push_scene s;
    to_one_name(s);
    check_done(s, s.push_piped(read_file(data_file("docker28-single.tar"))));
    const auto* stored = s.registry.tagged("team/app", "1");
    const auto document = archive::parse_manifest(stored->bytes, stored->media_type).value();
    std::set<digest> wanted{document.config.digest};
    for (const auto& layer : document.layers)
        wanted.insert(layer.digest);
    BOOST_TEST(s.registry.blobs() == wanted.size());
}

BOOST_AUTO_TEST_CASE(missing_platform_is_an_error_through_a_pipe_too) {
    push_scene s;
    const auto report =
        s.push_piped(read_file(data_file("docker28-containerd-missing-platform.tar")));
    BOOST_TEST(report.exit_code() == 3);
    BOOST_TEST(report.failures.at(0).what.code() == errc::archive_platform_missing);
    push_scene pruning;
    pruning.options.if_platforms_missing = missing_platforms::prune;
    check_done(
        pruning,
        pruning.push_piped(read_file(data_file("docker28-containerd-missing-platform.tar"))));
    BOOST_TEST(pruning.registry.tag("team/fixture/ma", "1").has_value());
}

BOOST_AUTO_TEST_CASE(bad_image_of_a_pipe_is_the_only_one_missing) {
    push_scene s;
    s.registry.options.denied_repositories = {"team/b"};
    const built_image a = make_image({large(1)}, {"a:1"});
    const auto report = s.push_piped(docker_archive({a, make_image({large(2)}, {"b:1"})}));
    BOOST_TEST(report.exit_code() == 7);
    check_image(s, "team/a", "1", a);
    BOOST_TEST(s.registry.tags() == 1u);
}

// So it is with a layer whose own compression is damaged: the rest of the pipe is read all the
// same.
BOOST_AUTO_TEST_CASE(damaged_layer_of_a_pipe_fails_its_image_as_of_a_file) {
    built_image bad = make_image({make_layer(2, 3'000'000)}, {"bad:1"});
    bad.layers[0] = gzip(bad.layers[0]);
    bad.layers[0].replace(bad.layers[0].size() / 2, 100, 100, '\xff');
    built_image good = make_image({make_layer(1, 3'000'000)}, {"good:1"});
    good.layers[0] = gzip(good.layers[0]);
    const std::string archive = docker_archive({bad, good});
    for (const bool piped : {false, true}) {
        push_scene s;
        s.options.layers = compression::zstd;
        const auto report = piped ? s.push_piped(archive) : s.push(archive);
        BOOST_TEST(report.exit_code() == 7, explain(report));
        BOOST_REQUIRE(report.failures.size() == 1u);
        BOOST_TEST(report.failures[0].what.code() == errc::archive_damaged);
        const std::string& message = report.failures[0].what.message();
        BOOST_TEST(message.find("bad:1") != std::string::npos);
        BOOST_TEST(message.find("layer") != std::string::npos, message);
        BOOST_TEST(s.registry.tag("team/good", "1").has_value());
        BOOST_TEST(s.registry.tags() == 1u);
        BOOST_TEST(s.registry.uploads_open() == 0u);
    }
}

// Entries that nobody needs do not take the room of the metadata behind them.
BOOST_AUTO_TEST_CASE(metadata_behind_many_small_entries_is_kept) {
    tar_builder tar;
    const std::string junk = make_layer(9, 60'000).substr(0, 60'000);
    for (int i = 0; i < 450; ++i)
        tar.file(concat("junk/", i), junk);
    push_scene s;
    const built_image image = make_image({large(1)}, {"a:1"});
    check_done(s, s.push_piped(tar.str() + docker_archive({image})));
    check_image(s, "team/a", "1", image);
}

// A dry run would have to read what cannot be read again.
BOOST_AUTO_TEST_CASE(dry_run_of_a_pipe_is_refused) {
    push_scene s;
    s.options.dry_run = true;
    const auto report = s.push_piped(docker_archive({make_image({small(1)}, {"a:1"})}));
    BOOST_TEST(report.exit_code() == 2);
    BOOST_TEST(report.failures.at(0).what.hint().find("--spool") != std::string::npos);
    BOOST_TEST(s.registry.steps().empty());
}

// Spooled to disk, a pipe is a file: it can be planned, and nothing is staged.
BOOST_AUTO_TEST_CASE(spooled_pipe_is_a_file) {
    const temp_dir dir;
    push_scene s;
    s.options.spool = dir.path().string();
    const built_image image = make_image({large(1), small(2)}, {"a:1"});
    for (const std::string& archive : {docker_archive({image}), gzip(docker_archive({image}))}) {
        check_done(s, s.push_piped(archive));
        check_image(s, "team/a", "1", image);
        BOOST_TEST(count(s, "open_upload " + staging) == 0u);
    }
    BOOST_TEST(std::filesystem::is_empty(dir.path()));
    s.registry.forget_history();
    s.options.spool = "/nonexistent";
    BOOST_CHECK_EXCEPTION(s.push_piped(docker_archive({image})), error, [](const error& e) {
        return e.code() == errc::usage;
    });
    BOOST_TEST(s.registry.steps().empty()); // before anybody was asked
}

BOOST_AUTO_TEST_SUITE_END()
