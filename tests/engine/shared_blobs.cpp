// One archive is at a blob, the others wait: for its end, good or bad.
#include "engine/shared_blobs.hpp"

#include "async/task_group.hpp"
#include "engine/run_context.hpp"
#include "model/hasher.hpp"
#include "model/text.hpp"
#include "support/printing.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <exception>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(test_shared_blobs)

namespace asio = boost::asio;
using namespace tarpon;
using namespace tarpon::engine;

const blob_facts facts{{{}, digest_of("blob"), 4}, {}};

const std::vector<std::string> nowhere;

/// An archive's turn at the blob; what became of it is added to `told`.
asio::awaitable<void> archive(
    shared_blobs& blobs, std::string repository, bool succeeds, std::vector<std::string>& told) {
    std::vector<std::string> wanted_in{repository};
    auto turn = co_await blobs.take("r.example", "sha256:x", std::move(wanted_in));
    if (turn.is_there() && turn.is_in(repository)) {
        told.push_back(concat(repository, " has it"));
        co_return;
    }
    told.push_back(concat(repository, turn.is_there() ? " mounts it" : " sends it"));
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < 5; ++i)
        co_await asio::post(executor, asio::use_awaitable);
    if (succeeds)
        turn.done(facts, repository);
}

using archive_list = std::vector<std::pair<std::string, bool>>;

asio::awaitable<void>
run_all(asio::io_context& io, const archive_list& archives, std::vector<std::string>& told) {
    shared_blobs blobs(io.get_executor());
    async::task_group group(io.get_executor());
    for (const auto& one : archives)
        group.spawn(archive(blobs, one.first, one.second, told));
    co_await group.join();
}

/// Archives one after the other in time, all under way at once.
std::vector<std::string> run(const archive_list& archives) {
    std::vector<std::string> told;
    test::run_coroutine([&](asio::io_context& io) { return run_all(io, archives, told); });
    return told;
}

BOOST_AUTO_TEST_CASE(one_sends_and_the_others_wait_for_it) {
    const auto told = run({{"a", true}, {"b", true}, {"a", true}, {"c", true}, {"c", true}});
    BOOST_REQUIRE(told.size() == 5u);
    BOOST_TEST(told[0] == "a sends it");
    BOOST_TEST(told[1] == "b mounts it");
    BOOST_TEST(told[2] == "a has it");
    BOOST_TEST(told[3] == "c mounts it");
    BOOST_TEST(told[4] == "c has it");
}

BOOST_AUTO_TEST_CASE(a_mount_that_fails_is_tried_by_the_next_one) {
    const auto told = run({{"a", true}, {"b", false}, {"b", true}, {"b", true}});
    BOOST_REQUIRE(told.size() == 4u);
    BOOST_TEST(told[1] == "b mounts it");
    BOOST_TEST(told[2] == "b mounts it");
    BOOST_TEST(told[3] == "b has it");
}

BOOST_AUTO_TEST_CASE(the_next_one_tries_when_it_fails) {
    const auto told = run({{"a", false}, {"b", false}, {"c", true}, {"d", true}});
    BOOST_REQUIRE(told.size() == 4u);
    BOOST_TEST(told[0] == "a sends it");
    BOOST_TEST(told[1] == "b sends it");
    BOOST_TEST(told[2] == "c sends it");
    BOOST_TEST(told[3] == "d mounts it");
}

asio::awaitable<void> take_different_ones(asio::io_context& io) {
    shared_blobs blobs(io.get_executor());
    auto one = co_await blobs.take("r.example", "sha256:x", nowhere);
    auto other_host = co_await blobs.take("s.example", "sha256:x", nowhere);
    auto other_blob = co_await blobs.take("r.example", "sha256:y", nowhere);
    BOOST_TEST(!one.is_there());
    BOOST_TEST(!other_host.is_there());
    BOOST_TEST(!other_blob.is_there());
}

BOOST_AUTO_TEST_CASE(hosts_and_blobs_are_apart) {
    test::run_coroutine(take_different_ones);
}

asio::awaitable<void> compress_differently(asio::io_context& io) {
    shared_blobs blobs(io.get_executor());
    {
        auto first = co_await blobs.take("r.example", "layer as gzip", nowhere);
        first.done(facts, "a");
    }
    const blob_facts other{{{}, digest_of("other"), 5}, {}};
    auto second = co_await blobs.take("r.example", "layer as gzip", nowhere);
    BOOST_REQUIRE(second.is_there());
    second.done(other, "b");
    BOOST_TEST((second.facts().content.digest == facts.content.digest));
    BOOST_TEST(second.is_in("a"));
    BOOST_TEST(!second.is_in("b"));
}

BOOST_AUTO_TEST_CASE(other_bytes_do_not_replace_the_first) {
    test::run_coroutine(compress_differently);
}

BOOST_AUTO_TEST_CASE(a_plan_counts_each_once) {
    asio::io_context io;
    shared_blobs blobs(io.get_executor());
    BOOST_TEST(blobs.is_new("r.example", "sha256:x"));
    BOOST_TEST(!blobs.is_new("r.example", "sha256:x"));
    BOOST_TEST(blobs.is_new("s.example", "sha256:x"));
}

asio::awaitable<void> take_place(async::slots& from, std::vector<async::slots::lease>& taken) {
    auto lease = co_await from.acquire();
    taken.push_back(std::move(lease));
}

/// How many of six get a place at once, after these calls of leave_places().
std::size_t places(const std::vector<bool>& calls) {
    asio::io_context io;
    archive_sharing sharing(io.get_executor(), 6);
    for (const bool leave : calls)
        sharing.leave_places(leave);
    std::vector<async::slots::lease> taken;
    taken.reserve(6);
    auto on_end = [](std::exception_ptr failed) {
        BOOST_TEST(!failed);
    };
    for (int i = 0; i < 6; ++i)
        asio::co_spawn(io, take_place(sharing.large_uploads, taken), on_end);
    io.poll();
    const std::size_t at_once = taken.size();
    taken.clear(); // the others have their turn, and end
    io.restart();
    io.poll();
    return at_once;
}

// Until nobody waits; and again in the next round.
BOOST_AUTO_TEST_CASE(large_blobs_leave_places) {
    BOOST_TEST(places({}) == 4u);
    BOOST_TEST(places({false}) == 6u);
    BOOST_TEST(places({false, true}) == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
