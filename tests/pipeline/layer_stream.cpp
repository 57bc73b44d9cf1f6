#include "pipeline/layer_stream.hpp"

#include "async/task_group.hpp"
#include "model/hasher.hpp"
#include "support/image_builder.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(test_layer_stream)

namespace bdata = boost::unit_test::data;
using namespace tarpon;
namespace asio = boost::asio;
using stream = pipeline::layer_stream;

/// A source that gives its text in pieces of `step` bytes and may fail at one place.
class text_source final : public byte_source {
public:
    text_source(std::string_view text, std::size_t step, std::size_t fail_at = std::string::npos)
        : text_(text)
        , step_(step)
        , fail_at_(fail_at) {}
    asio::awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::post(executor, asio::use_awaitable);
        if (at_ >= fail_at_)
            throw error(errc::archive_truncated, "it ends early");
        const std::size_t size = std::min({step_, into.size(), text_.size() - at_});
        std::copy_n(text_.data() + at_, size, reinterpret_cast<char*>(into.data()));
        at_ += size;
        co_return size;
    }

private:
    std::string_view text_;
    std::size_t step_;
    std::size_t fail_at_;
    std::size_t at_ = 0;
};

struct outcome {
    std::string sent;
    pipeline::layer_facts facts;
    std::uint64_t memory_peak = 0;
};

struct setup {
    int threads = 2;
    std::size_t step = 100'000;
    std::size_t window = 4;
    std::uint64_t memory = 8 << 20;
};

/// A stream over a text, and what it lives on.
struct scene {
    scene(
        asio::io_context& io,
        async::cpu_pool& workers,
        text_source from,
        std::shared_ptr<const pipeline::block_codec> codec,
        std::uint64_t memory = setup().memory,
        std::size_t window = setup().window)
        : buffers(io.get_executor(), memory)
        , hashes(workers, io.get_executor(), buffers)
        , source(from) {
        s.emplace(
            pipeline::workshop{workers, buffers, hashes, io.get_executor(), window}, source,
            std::move(codec), std::nullopt);
    }

    /// Every buffer comes back when the stream is gone.
    asio::awaitable<void> close() {
        s.reset();
        co_await buffers.drained();
    }

    pipeline::buffer_pool buffers;
    pipeline::hash_queue hashes;
    text_source source;
    std::optional<stream> s;
};

std::shared_ptr<const pipeline::block_codec> gzip_codec() {
    return pipeline::make_codec(compression::gzip, 0);
}

asio::awaitable<void> send_all(stream& s, std::string& sent) {
    while (true) {
        const body_piece piece = co_await s.next();
        if (piece.empty())
            co_return;
        sent.append(reinterpret_cast<const char*>(piece.bytes.data()), piece.bytes.size());
    }
}

asio::awaitable<void>
run(asio::io_context& io,
    async::cpu_pool& workers,
    const std::string& input,
    std::shared_ptr<const pipeline::block_codec> codec,
    const setup& with,
    outcome& out) {
    scene at(io, workers, {input, with.step}, std::move(codec), with.memory, with.window);
    co_await send_all(*at.s, out.sent);
    out.facts = co_await at.s->finish();
    co_await at.close();
    out.memory_peak = at.buffers.bytes_peak();
}

outcome encode(const std::string& input, compression kind, int level, const setup& with = {}) {
    outcome out;
    async::cpu_pool workers(static_cast<std::size_t>(with.threads));
    const auto codec = pipeline::make_codec(kind, level);
    test::run_coroutine(
        [&](asio::io_context& io) { return run(io, workers, input, codec, with, out); });
    return out;
}

BOOST_AUTO_TEST_CASE(facts_describe_both_sides) {
    const std::string input = test::make_layer(1, 2'000'000);
    const outcome out = encode(input, compression::gzip, 0);
    BOOST_TEST((test::gunzip(out.sent) == input));
    BOOST_TEST(out.facts.diff_id == digest_of(input));
    BOOST_TEST(out.facts.diff_bytes == input.size());
    BOOST_TEST(out.facts.digest == digest_of(out.sent));
    BOOST_TEST(out.facts.bytes == out.sent.size());
}

BOOST_AUTO_TEST_CASE(none_passes_bytes_through) {
    const std::string input = test::make_layer(1, 1'234'567);
    const outcome out = encode(input, compression::none, 0);
    BOOST_TEST((out.sent == input));
    BOOST_TEST(out.facts.digest == digest_of(input));
    BOOST_TEST(out.facts.diff_id == out.facts.digest);
}

const compression kinds[] = {compression::gzip, compression::zstd, compression::none};

std::ostream& boost_test_print_type(std::ostream& o, compression c) {
    return o << static_cast<int>(c);
}

// The contract: bytes never depend on threads, memory or how the input arrives.
BOOST_DATA_TEST_CASE(
    bytes_depend_on_input_only,
    bdata::make({0, 0, 1, 1, 2}) ^ bdata::make({0, 1, 0, 1, 0}),
    kind,
    level) {
    const std::string input = test::make_layer(3, 8'000'000);
    const auto c = kinds[kind];
    const outcome first =
        encode(input, c, level, {.threads = 1, .step = 1 << 20, .window = 1, .memory = 16 << 20});
    for (const setup& with :
         {setup{.threads = 2}, setup{.threads = 8, .window = 12, .memory = 64 << 20},
          setup{.step = 1001, .window = 2}}) {
        const outcome other = encode(input, c, level, with);
        BOOST_TEST((other.sent == first.sent));
        BOOST_TEST(other.facts.digest == first.facts.digest);
    }
}

BOOST_AUTO_TEST_CASE(empty_input_is_a_valid_stream) {
    BOOST_TEST(test::gunzip(encode("", compression::gzip, 0).sent).empty());
    BOOST_TEST(encode("", compression::none, 0).sent.empty());
    BOOST_TEST(encode("", compression::none, 0).facts.digest == digest_of(""));
    BOOST_TEST(!encode("", compression::zstd, 0).sent.empty());
}

BOOST_AUTO_TEST_CASE(memory_stays_within_window_and_cap) {
    const std::string input(20'000'000, 'x');
    BOOST_TEST(
        encode(input, compression::gzip, 0, {.window = 3, .memory = 64 << 20}).memory_peak
        < 3u * 1100 * 1024);
    BOOST_TEST(
        encode(input, compression::gzip, 0, {.window = 100, .memory = 4 << 20}).memory_peak
        <= 4u << 20);
}

asio::awaitable<void> failing(asio::io_context& io, async::cpu_pool& workers) {
    const std::string input(3'000'000, 'x');
    scene at(io, workers, {input, 100'000, 1'500'000}, gzip_codec());
    std::exception_ptr failed;
    try {
        while (true) {
            const body_piece piece = co_await at.s->next();
            BOOST_REQUIRE(!piece.empty());
        }
    } catch (const error&) {
        failed = std::current_exception();
    }
    co_await at.close();
    BOOST_REQUIRE(failed);
    std::rethrow_exception(failed);
}

// What the source throws comes out of next(), and every buffer comes back.
BOOST_AUTO_TEST_CASE(source_failure_comes_through) {
    async::cpu_pool workers(2);
    BOOST_CHECK_EXCEPTION(
        test::run_coroutine([&](asio::io_context& io) { return failing(io, workers); }), error,
        [](const error& e) { return e.code() == errc::archive_truncated; });
}

asio::awaitable<void> drain(stream& s, int pieces) {
    for (int i = 0; i < pieces; ++i) {
        const body_piece piece = co_await s.next();
        if (piece.empty())
            co_return;
    }
}

asio::awaitable<void> cancel_at(asio::io_context& io, async::cpu_pool& workers, int steps) {
    const std::string input(3'000'000, 'x');
    scene at(io, workers, {input, 100'000}, gzip_codec(), 3 << 20);
    {
        async::task_group group(io.get_executor());
        group.spawn(drain(*at.s, 1000));
        for (int i = 0; i < steps; ++i)
            co_await asio::post(io, asio::use_awaitable);
        group.cancel();
        try {
            co_await group.join();
        } catch (const boost::system::system_error&) {
        }
    }
    co_await at.close();
}

BOOST_AUTO_TEST_CASE(cancelled_anywhere_gives_everything_back) {
    async::cpu_pool workers(2);
    for (int steps = 0; steps < 120; steps += 3)
        test::run_coroutine([&](asio::io_context& io) { return cancel_at(io, workers, steps); });
}

// --- fed, as from a pipe ------------------------------------------------------------------------

asio::awaitable<void>
run_fed(asio::io_context& io, async::cpu_pool& workers, const std::string& input, outcome& out) {
    scene at(io, workers, {input, 100'000}, gzip_codec());
    async::task_group group(io.get_executor());
    group.spawn(send_all(*at.s, out.sent));
    co_await at.s->feed();
    co_await group.join();
    out.facts = co_await at.s->finish();
    co_await at.close();
}

BOOST_AUTO_TEST_CASE(fed_and_pulled_give_the_same) {
    async::cpu_pool workers(2);
    for (const std::size_t size : {0u, 1u, 524'288u, 20'000'000u}) {
        const std::string input = test::make_layer(5, size).substr(0, size);
        outcome fed;
        test::run_coroutine([&](asio::io_context& io) { return run_fed(io, workers, input, fed); });
        const outcome pulled = encode(input, compression::gzip, 0);
        BOOST_TEST((fed.sent == pulled.sent));
        BOOST_TEST(fed.facts.digest == pulled.facts.digest);
        BOOST_TEST(fed.facts.diff_id == pulled.facts.diff_id);
    }
}

asio::awaitable<void> give_up(asio::io_context& io, async::cpu_pool& workers, std::uint64_t& read) {
    const std::string input(50'000'000, 'x');
    scene at( // with less memory than the input
        io, workers, {input, 100'000}, pipeline::make_codec(compression::none, 0), 4 << 20);
    async::task_group group(io.get_executor());
    group.spawn(at.s->feed());
    co_await asio::post(io, asio::use_awaitable); // it begins
    co_await drain(*at.s, 3);
    at.s->abandon();
    co_await group.join();
    read = at.s->bytes_read();
    co_await at.close();
}

// The rest of an archive comes behind a blob that nobody takes any more.
BOOST_AUTO_TEST_CASE(abandoned_stream_is_read_to_its_end) {
    async::cpu_pool workers(2);
    std::uint64_t read = 0;
    test::run_coroutine([&](asio::io_context& io) { return give_up(io, workers, read); });
    BOOST_TEST(read == 50'000'000u);
}

asio::awaitable<bool> is_told_of_the_end(asio::awaitable<void> work) {
    try {
        co_await std::move(work);
    } catch (const error& e) {
        co_return e.code() == errc::archive_truncated;
    }
    co_return false;
}

asio::awaitable<void> feed_failing(asio::io_context& io, async::cpu_pool& workers) {
    const std::string input(3'000'000, 'x');
    scene at(io, workers, {input, 100'000, 2'000'000}, gzip_codec());
    const bool reader = co_await is_told_of_the_end(at.s->feed());
    BOOST_TEST(reader);
    std::string sent;
    const bool sender = co_await is_told_of_the_end(send_all(*at.s, sent));
    BOOST_TEST(sender);
    co_await at.close();
}

// Reader and sender both hear of it, and every buffer comes back.
BOOST_AUTO_TEST_CASE(source_failure_comes_through_to_both_sides) {
    async::cpu_pool workers(2);
    test::run_coroutine([&](asio::io_context& io) { return feed_failing(io, workers); });
}

BOOST_AUTO_TEST_SUITE_END()
