#include "pipeline/hash_queue.hpp"

#include "async/task_group.hpp"
#include "support/bytes.hpp"
#include "support/run_coroutine.hpp"

#include <boost/asio/post.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>
#include <thread>

BOOST_AUTO_TEST_SUITE(test_hash_queue)

namespace asio = boost::asio;
namespace bdata = boost::unit_test::data;
using namespace tarpon;
using pipeline::hash_queue;
using test::bytes_of;

std::shared_ptr<const std::string> shared_noise(std::size_t size, unsigned seed) {
    return std::make_shared<const std::string>(test::noise(size, seed));
}

asio::awaitable<void> many_messages(asio::io_context& io, async::cpu_pool& workers, int messages) {
    pipeline::buffer_pool buffers(io.get_executor(), 1 << 20);
    hash_queue queue(workers, io.get_executor(), buffers);
    std::vector<std::shared_ptr<hash_queue::message>> all;
    std::vector<std::string> texts(static_cast<std::size_t>(messages));
    for (int i = 0; i < messages; ++i)
        all.push_back(queue.begin(i == 3 ? digest::algorithm::sha512 : digest::algorithm::sha256));
    std::mt19937 random(7);
    for (unsigned step = 0; step < 300; ++step) {
        const std::size_t which = random() % all.size();
        const auto piece = shared_noise(random() % 200'000, step);
        texts[which] += *piece;
        queue.add(all[which], bytes_of(*piece), piece);
        if (step % 10 == 0)
            co_await asio::post(io, asio::use_awaitable);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        const digest found = co_await queue.finish(all[i]);
        BOOST_TEST(
            found.str()
            == digest_of(texts[i], i == 3 ? digest::algorithm::sha512 : digest::algorithm::sha256)
                   .str());
    }
}

// Every piece of every message in its order, however many jobs there are and whatever goes in
// pairs.
BOOST_DATA_TEST_CASE(
    digests_are_those_of_each_message_alone,
    bdata::make({1, 2, 8}) * bdata::make({1, 2, 7}),
    threads,
    messages) {
    async::cpu_pool workers(static_cast<std::size_t>(threads));
    test::run_coroutine([&](asio::io_context& io) { return many_messages(io, workers, messages); });
}

/// Notes on which thread it went.
struct owner_with_a_home {
    explicit owner_with_a_home(std::thread::id& place)
        : went(place) {}
    ~owner_with_a_home() { went = std::this_thread::get_id(); }
    owner_with_a_home(const owner_with_a_home&) = delete;
    owner_with_a_home& operator=(const owner_with_a_home&) = delete;
    std::thread::id& went;
};

asio::awaitable<void> hash_one(
    asio::io_context& io,
    async::cpu_pool& workers,
    const std::string& text,
    std::thread::id& went) {
    pipeline::buffer_pool buffers(io.get_executor(), 1 << 20);
    hash_queue queue(workers, io.get_executor(), buffers);
    auto message = queue.begin(digest::algorithm::sha256);
    queue.add(message, bytes_of(text), std::make_shared<owner_with_a_home>(went));
    (void)co_await queue.finish(message);
    co_await asio::post(io, asio::use_awaitable);
}

// Leases of buffers are counted on the I/O thread only.
BOOST_AUTO_TEST_CASE(owners_are_let_go_on_the_io_thread) {
    async::cpu_pool workers(2);
    const std::string text(100'000, 'x');
    std::thread::id went;
    test::run_coroutine([&](asio::io_context& io) { return hash_one(io, workers, text, went); });
    BOOST_TEST((went == std::this_thread::get_id()));
}

asio::awaitable<void> forget_messages(
    asio::io_context& io, async::cpu_pool& workers, std::shared_ptr<const std::string> text) {
    pipeline::buffer_pool buffers(io.get_executor(), 1 << 20);
    hash_queue queue(workers, io.get_executor(), buffers);
    for (int i = 0; i < 20; ++i)
        queue.add(queue.begin(digest::algorithm::sha256), bytes_of(*text), text);
    co_return;
}

// A stream that was given up leaves pieces behind; they go as the others do.
BOOST_AUTO_TEST_CASE(messages_may_be_forgotten) {
    async::cpu_pool workers(2);
    const auto text = shared_noise(300'000, 1);
    test::run_coroutine([&](asio::io_context& io) { return forget_messages(io, workers, text); });
    workers.join();
    BOOST_TEST(text.use_count() == 1);
}

boost::test_tools::assertion_result pairs_are_hashed(boost::unit_test::test_unit_id) {
    return hasher(digest::algorithm::sha256).goes_in_pairs();
}

using piece_owner = std::shared_ptr<const std::string>;

asio::awaitable<void> let_go(asio::io_context& io, const piece_owner& of) {
    while (of.use_count() > 1)
        co_await asio::post(io, asio::use_awaitable);
}

/// Enough for everything that is going to happen.
asio::awaitable<void> some_turns(asio::io_context& io, async::cpu_pool& workers) {
    const auto nothing = [] {
    };
    for (int i = 0; i < 20; ++i) {
        co_await async::run_on(workers.get_executor(), nothing);
        co_await asio::post(io, asio::use_awaitable);
    }
}

asio::awaitable<void> wait_for_company(asio::io_context& io, async::cpu_pool& workers) {
    pipeline::buffer_pool buffers(io.get_executor(), 1 << 20);
    hash_queue queue(workers, io.get_executor(), buffers);
    const auto a = queue.begin(digest::algorithm::sha256);
    const auto b = queue.begin(digest::algorithm::sha256);
    const std::vector<piece_owner> pieces{
        shared_noise(1000, 1), shared_noise(1000, 2), shared_noise(1000, 3), shared_noise(1000, 4)};
    queue.add(a, bytes_of(*pieces[0]), pieces[0]);
    co_await some_turns(io, workers);
    BOOST_TEST(pieces[0].use_count() == 2);

    queue.add(b, bytes_of(*pieces[1]), pieces[1]);
    co_await let_go(io, pieces[0]);
    co_await let_go(io, pieces[1]);

    queue.add(b, bytes_of(*pieces[2]), pieces[2]);
    co_await some_turns(io, workers);
    BOOST_TEST(pieces[2].use_count() == 2);
    {
        const hash_queue::hurry now(queue);
        co_await let_go(io, pieces[2]);
        queue.add(b, bytes_of(*pieces[3]), pieces[3]);
        co_await let_go(io, pieces[3]);
    }
    const std::string text = *pieces[1] + *pieces[2] + *pieces[3];
    const digest of_b = co_await queue.finish(b);
    const digest of_a = co_await queue.finish(a);
    BOOST_TEST(of_b.str() == digest_of(text).str());
    BOOST_TEST(of_a.str() == digest_of(*pieces[0]).str());
}

// Two messages at once cost less than one after the other.
BOOST_AUTO_TEST_CASE(a_piece_waits_for_company, *boost::unit_test::precondition(pairs_are_hashed)) {
    async::cpu_pool workers(2);
    test::run_coroutine([&](asio::io_context& io) { return wait_for_company(io, workers); });
}

asio::awaitable<void> wait_in_vain(asio::io_context& io, async::cpu_pool& workers) {
    pipeline::buffer_pool buffers(io.get_executor(), 1 << 20);
    hash_queue queue(workers, io.get_executor(), buffers);
    const auto message = queue.begin(digest::algorithm::sha256);
    std::vector<piece_owner> pieces;
    for (unsigned i = 0; i < 10; ++i) {
        pieces.push_back(shared_noise(1000, i));
        queue.add(message, bytes_of(*pieces.back()), pieces.back());
    }
    for (std::size_t i = 0; i < 8; ++i)
        co_await let_go(io, pieces[i]);
    (void)co_await queue.finish(message);
}

BOOST_AUTO_TEST_CASE(alone_a_few_pieces_wait_at_most) {
    async::cpu_pool workers(2);
    test::run_coroutine([&](asio::io_context& io) { return wait_in_vain(io, workers); });
}

asio::awaitable<void> hold_a_lease(asio::io_context& io, async::cpu_pool& workers) {
    pipeline::buffer_pool buffers(io.get_executor(), 1000);
    {
        hash_queue queue(workers, io.get_executor(), buffers);
        const auto message = queue.begin(digest::algorithm::sha256);
        for (const bool ahead : {false, false, true}) {
            pipeline::buffer_lease lease;
            if (ahead)
                lease = co_await buffers.acquire_ahead(1000);
            else
                lease = co_await buffers.acquire(1000);
            const auto bytes = lease.bytes();
            std::fill(bytes.begin(), bytes.end(), std::byte{1});
            queue.add(message, bytes, std::make_shared<pipeline::buffer_lease>(std::move(lease)));
        }
        co_await buffers.drained();
    }
}

// All of the memory is with pieces that wait, and somebody waits for memory.
BOOST_AUTO_TEST_CASE(nobody_waits_for_memory_in_vain) {
    async::cpu_pool workers(2);
    test::run_coroutine([&](asio::io_context& io) { return hold_a_lease(io, workers); });
}

asio::awaitable<void> take_one(pipeline::buffer_pool& buffers) {
    (void)co_await buffers.acquire(1000);
}

asio::awaitable<void> wait_in_line(asio::io_context& io, async::cpu_pool& workers) {
    pipeline::buffer_pool buffers(io.get_executor(), 4000);
    {
        hash_queue queue(workers, io.get_executor(), buffers);
        std::vector<pipeline::buffer_lease> elsewhere;
        for (int i = 0; i < 3; ++i) {
            auto lease = co_await buffers.acquire(1000);
            elsewhere.push_back(std::move(lease));
        }
        auto last = co_await buffers.acquire(1000);
        auto held = std::make_shared<pipeline::buffer_lease>(std::move(last));
        const std::weak_ptr<pipeline::buffer_lease> piece = held;
        const auto message = queue.begin(digest::algorithm::sha256);
        const auto bytes = held->bytes().first(100);
        std::fill(bytes.begin(), bytes.end(), std::byte{1});
        queue.add(message, bytes, std::move(held));

        async::task_group group(io.get_executor());
        group.spawn(take_one(buffers));
        co_await some_turns(io, workers);
        BOOST_TEST(!piece.expired());
        elsewhere.pop_back(); // one comes back: it is the waiter's
        co_await group.join();
        BOOST_TEST(!piece.expired());

        last = co_await buffers.acquire(1000);
        elsewhere.push_back(std::move(last));
        group.spawn(take_one(buffers));
        elsewhere.clear();
        co_await group.join();
        co_await buffers.drained();
        BOOST_TEST(piece.expired());
    }
}

// A pipe is read as far ahead as the memory lets it: somebody waits all the time.
BOOST_AUTO_TEST_CASE(
    in_line_for_memory_pieces_wait_as_well, *boost::unit_test::precondition(pairs_are_hashed)) {
    async::cpu_pool workers(2);
    test::run_coroutine([&](asio::io_context& io) { return wait_in_line(io, workers); });
}

BOOST_AUTO_TEST_SUITE_END()
